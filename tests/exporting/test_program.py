"""What generators can be traced, and what is said of those that cannot."""

from pathlib import Path

import pytest
import torch
from torch import Tensor, nn

from rat_modules.errors import RatError
from rat_modules.exporting.file import export_file
from rat_modules.exporting.formats import FORMATS
from rat_modules.exporting.precision import stored
from rat_modules.exporting.program import exported
from rat_modules.exporting.subject import Subject, subject
from rat_modules.registry import get_catalog

from . import models

# the LSTM and the plain affine are what all other tests have
PAIRS = [("cbn", "gru"), ("cin", "none"), ("ssa", "lstm")]


@pytest.mark.parametrize("form", [pytest.param("onnx", marks=models.onnx_there), "torch-export"])
@pytest.mark.parametrize(("fusion", "cell"), PAIRS)
def test_every_fusion_and_cell(tmp_path: Path, form: str, fusion: str, cell: str) -> None:
    subject = models.small_subject(**{"fusion.name": fusion, "controller.cell": cell})
    made = export_file(subject, form, tmp_path / f"x{FORMATS[form].SUFFIX}")
    assert made.difference.exported <= 1e-4


def test_no_fusion_and_no_cell_is_left_out_here() -> None:
    fusions, cells = map(set, zip(*PAIRS, strict=True))
    assert {"affine", *fusions} >= set(get_catalog().names("fusions"))
    assert {"lstm", *cells} >= set(get_catalog().names("cells"))


class Moody(nn.Module):
    """Another author's generator, whose way depends on its noise."""

    noise_dim, cond_dim, image_size = 4, 5, 2

    def forward(self, z: Tensor, s: Tensor) -> Tensor:
        sign = 1 if z.sum() > 0 else -1
        return sign * s[:, :3, None, None].expand(-1, -1, 2, 2)


class Steady(Moody):
    """One whose inputs have names of their own."""

    def forward(self, z: Tensor, s: Tensor) -> Tensor:
        return (z.sum(1)[:, None] * s[:, :3])[:, :, None, None].expand(-1, -1, 2, 2)


def by(generator: nn.Module) -> Subject:
    return Subject(generator, generator, {"recipe": "none"}, torch.empty(0, 5))


def test_a_generator_of_others(tmp_path: Path) -> None:
    assert export_file(by(Steady().eval()), "torch-export", tmp_path / "x.pt2").difference.exported == 0
    with pytest.raises(RatError, match=r"^Moody cannot be exported: got .*expected a generator whose way") as refused:
        exported(by(Moody().eval()))
    assert "\n" not in str(refused.value)


def test_weights_beyond_float16_are_refused() -> None:
    assembly = models.small()
    with torch.no_grad():
        assembly.generator.stem.weight[0, 0] = 1e5
    with pytest.raises(RatError, match=r"float16: got 1e\+05 in stem.weight, expected a number up to 65,504"):
        subject(assembly, "float16")
    with pytest.raises(RatError, match="precision: got 'bfloat16', expected float32 or float16"):
        stored(assembly.generator, "bfloat16")
