"""A linear map behind a frozen encoder: what it computes, what is trained of it, and what a recipe may say of it."""

import math
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import nn

from rat_modules.assembly import assemble, load
from rat_modules.assembly.projected import NamedProjectedTextEncoder
from rat_modules.checkpoints.files import read_safetensors
from rat_modules.errors import CheckpointError, RatError, RecipeError, ShapeError
from rat_modules.registry import get_catalog
from rat_modules.registry.catalog import Entry
from rat_modules.testing import check_text_encoder
from rat_modules.text.frozen import Frozen
from rat_modules.text.projected import ProjectedTextEncoder
from rat_modules.text.wordllama import WordLlamaTextEncoder

CAPTIONS = ["a red circle", "a small blue square at the left"]
SMALL = {"generator.width": 2, "generator.image_size": 16, "text_encoder.name": "projected"}


class Letters(Frozen):
    """A pretrained network of twenty-six weights: how often each letter occurs, times its weight."""

    def __init__(self, weight: float = 2.0) -> None:
        super().__init__(nn.Linear(26, 26, bias=False), f"{int(weight):02x}" * 32)
        nn.init.constant_(self.network.weight, weight)
        self.cond_dim = 26

    def encode(self, captions: list[str]) -> torch.Tensor:
        counts = [[text.count(chr(97 + k)) for k in range(26)] for text in captions]
        return torch.tensor(counts, dtype=torch.float32) @ self.network.weight.tril()


@pytest.fixture
def letters() -> Any:
    get_catalog().add([Entry("text_encoders", "letters", Letters, owner="tests", summary="")])
    yield
    get_catalog().discard("tests")


def test_it_keeps_what_every_text_encoder_promises() -> None:
    report = check_text_encoder(ProjectedTextEncoder(WordLlamaTextEncoder(64), 16))
    assert report.unchecked == {} and len(report.checked) > 8


def test_sentences_are_the_map_of_the_frozen_ones_at_unit_variance() -> None:
    frozen = WordLlamaTextEncoder(64)
    encoder = ProjectedTextEncoder(frozen, 16)
    found = encoder.encode(CAPTIONS)
    mapped = frozen.encode(CAPTIONS) @ encoder.project.weight.T + encoder.project.bias
    torch.testing.assert_close(found, mapped * math.sqrt(16) / mapped.norm(dim=1, keepdim=True))
    torch.testing.assert_close(found.square().mean(1), torch.ones(2))
    assert not found.requires_grad and encoder(frozen.encode(CAPTIONS)).requires_grad


def test_only_the_map_is_trained() -> None:
    class Words(nn.Module):
        cond_dim = 4

        def __init__(self) -> None:
            super().__init__()
            self.table, self.drop = nn.Embedding(9, 4), nn.Dropout(0.5)

        def encode(self, captions: list[str]) -> torch.Tensor:
            return self.drop(self.table(torch.tensor([len(caption) % 9 for caption in captions])))

    encoder = ProjectedTextEncoder(Words(), 6).train()
    assert encoder.training and not encoder.encoder.drop.training
    assert torch.equal(encoder.encode(CAPTIONS), encoder.encode(CAPTIONS))
    assert [name for name, weight in encoder.named_parameters() if weight.requires_grad] == [
        "project.weight", "project.bias",
    ]  # fmt: skip
    assert encoder.unknown_words(CAPTIONS) == [], "an encoder that does not say what it knows"


def test_words_that_the_frozen_one_does_not_know_are_told() -> None:
    frozen = WordLlamaTextEncoder(64)
    frozen.unknown_words = lambda captions: [captions[0].split()[1]]  # type: ignore[method-assign]
    assert ProjectedTextEncoder(frozen).unknown_words(CAPTIONS) == ["red"]


@pytest.mark.usefixtures("letters")
def test_an_assembly_keeps_map_and_hash_and_refuses_other_weights(tmp_path: Path) -> None:
    made = assemble("ratgan-tiny", **SMALL, **{"text_encoder.encoder": "letters", "text_encoder.cond_dim": 8})
    for weight in made.generator.parameters():
        nn.init.normal_(weight, std=0.3)
    made.save(tmp_path / "mine")
    saved, _ = read_safetensors(tmp_path / "mine/generator.safetensors")
    assert sorted(name for name in saved if name.startswith("text_encoder.")) == [
        "text_encoder.encoder.fingerprint", "text_encoder.project.bias", "text_encoder.project.weight",
    ]  # fmt: skip
    (tmp_path / "mine/generator.safetensors").rename(tmp_path / "alone.safetensors")
    again = load(tmp_path / "alone.safetensors")
    assert torch.equal(again.encode(CAPTIONS), made.encode(CAPTIONS))
    assert torch.equal(again.sample(CAPTIONS, seed=1), made.sample(CAPTIONS, seed=1))
    assert (again.sample(CAPTIONS[:1], seed=1) - again.sample(CAPTIONS[1:], seed=1)).abs().max() > 1e-3
    get_catalog().discard("tests")
    get_catalog().add([Entry("text_encoders", "letters", lambda: Letters(3.0), owner="tests", summary="")])
    with pytest.raises(CheckpointError, match=r"^pretrained weights of Letters: got sha256 0303"):
        load(tmp_path / "alone.safetensors")


def test_options_of_the_frozen_one_reach_it() -> None:
    options = {"text_encoder.options.cond_dim": 64, "text_encoder.cond_dim": 8}
    made = assemble("ratgan-tiny", **SMALL, **options)
    assert (made.text_encoder.encoder.cond_dim, made.text_encoder.cond_dim, made.generator.cond_dim) == (64, 8, 8)


@pytest.mark.parametrize(
    ("options", "error", "reason"),
    [
        ({"encoder": "wordlama"}, RatError, "did you mean 'wordllama'"),
        ({"encoder": "damsm"}, RecipeError, "got 'damsm', which is trained with its own vocabulary"),
        ({"options": {"cond_dmi": 64}}, RecipeError, r"unknown key text_encoder\.options\.cond_dmi"),
        ({"options": "cond_dim"}, RecipeError, "text_encoder.options: got 'cond_dim', expected a table"),
        ({"cond_dim": 0}, ShapeError, "cond_dim of a projected text encoder: got 0, expected 1 or more"),
    ],
)
def test_what_cannot_be_projected_is_refused(options: dict[str, Any], error: type[Exception], reason: str) -> None:
    with pytest.raises(error, match=reason):
        assemble("ratgan-tiny", **SMALL, **{f"text_encoder.{key}": value for key, value in options.items()})
    with pytest.raises(error, match=reason):
        NamedProjectedTextEncoder(**options)


def test_sentences_of_another_width_are_refused() -> None:
    with pytest.raises(ShapeError, match=r"sentences to project: got \(2, 8\), expected 'n p' with p = 64"):
        ProjectedTextEncoder(WordLlamaTextEncoder(64), 16)(torch.zeros(2, 8))
