"""What is told of a run that goes wrong, and of one that does not nothing."""

import pytest
import torch
from torch import nn

from rat_modules.assembly import Assembly, assemble
from rat_modules.training.batch import Batch
from rat_modules.training.doctor import PATIENCE, REMEMBERED, Doctor, vital_signs

WELL = {
    "step": 1000,
    "discriminator": 1.2,
    "penalty_share": 0.2,
    "wait_share": 0.01,
    "generator_gate": 0.3,
    "discriminator_gate": 0.3,
    "attention_entropy": 0.8,
    "skipped": 0,
}
ILL = {
    "hinge": {"discriminator": 0.01},
    "penalty": {"penalty_share": 0.95},
    "waiting": {"wait_share": 0.45},
    "gates": {"generator_gate": 1e-5},
    "attention": {"attention_entropy": 0.999},
    "skipped": {"skipped": 2},
}


def notes(**changes: float) -> dict[str, str]:
    doctor = Doctor()
    for _ in range(REMEMBERED):
        found = doctor.judge(WELL | changes)
    return found


def test_of_a_healthy_run_nothing_is_told() -> None:
    assert notes() == {}


@pytest.mark.parametrize("reason", ILL)
def test_each_trouble_is_told_in_one_line(reason: str) -> None:
    found = notes(**ILL[reason])
    assert list(found) == [reason] and "\n" not in found[reason] and len(found[reason]) < 200


def test_a_row_that_lacks_something_is_not_judged_by_it() -> None:
    assert Doctor().judge({"step": 10, "penalty_share": None}) == {}


def test_losses_are_judged_over_many_rows_and_gates_late() -> None:
    doctor = Doctor()
    early = [doctor.judge(WELL | ILL["hinge"]) for _ in range(REMEMBERED)]
    assert early[:-1] == [{}] * (REMEMBERED - 1) and list(early[-1]) == ["hinge"]
    assert Doctor().judge(WELL | ILL["gates"] | ILL["attention"] | {"step": PATIENCE - 1}) == {}


def assembly(**changes: object) -> Assembly:
    small = {"text_encoder.name": "none", "generator.width": 2, "generator.image_size": 16}
    return assemble("ratgan-tiny", **{**small, **changes})


def test_vital_signs_of_gates_and_attention() -> None:
    made = assembly(**{"attention.name": "soft-threshold-attention", "generator.gate_init": 0.0})
    batch = Batch(torch.randn(3, 3, 16, 16), torch.randn(3, 256), torch.randn(3, 100))
    with torch.no_grad():
        made.discriminator.blocks[0].gate.fill_(-0.25)
    signs = vital_signs(made, batch)
    assert signs["generator_gate"] == 0 and signs["discriminator_gate"] >= 0.25
    assert 0 < signs["attention_entropy"] <= 1
    nn.init.zeros_(made.discriminator.attention.score.weight)
    assert vital_signs(made, batch)["attention_entropy"] == pytest.approx(1, abs=1e-3)


def test_networks_without_them_have_no_such_signs() -> None:
    made = assembly(**{"attention.name": "none"})
    batch = Batch(torch.randn(3, 3, 16, 16), torch.randn(3, 256), torch.randn(3, 100))
    assert "attention_entropy" not in vital_signs(made, batch)
