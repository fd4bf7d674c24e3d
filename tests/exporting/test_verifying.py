"""A verification that finds what is wrong."""

from collections.abc import Callable

import pytest
import torch
from torch import Tensor

from rat_modules.assembly.build import build
from rat_modules.errors import RatError
from rat_modules.exporting import verifying
from rat_modules.exporting.subject import CAPTIONS
from rat_modules.exporting.verifying import verify

from . import models


def only_one(run: Callable) -> Callable:
    def wrong(noise: Tensor, sentence: Tensor) -> Tensor:
        if len(noise) > 1:
            raise RuntimeError("batch is fixed\nto one")
        return run(noise, sentence)

    return wrong


WRONG = {
    "a little off": (lambda run: lambda *inputs: run(*inputs) + 2e-4, "got a difference of 0.0002, expected 0.0001"),
    "no numbers": (lambda run: lambda *inputs: run(*inputs) * torch.nan, "got a difference of nan"),
    "another shape": (lambda run: lambda *inputs: run(*inputs)[:, :1], "1 pictures wrong: got .*1, 1, 16, 16"),
    "another dtype": (lambda run: lambda *inputs: run(*inputs).half(), "got torch.float16"),
    "one picture at a time": (only_one, "does not draw 2 pictures: got RuntimeError batch is fixed;"),
    "the first picture again": (lambda run: lambda *inputs: run(*inputs)[:1].repeat(len(inputs[0]), 1, 1, 1), "2 pict"),
    "deaf": (lambda run: lambda noise, sentence: run(noise, 0 * sentence), "otherwise"),
}


@pytest.mark.parametrize(("wrong", "message"), WRONG.values(), ids=WRONG)
def test_a_wrong_file_is_refused(wrong: Callable, message: str) -> None:
    subject = models.small_subject()
    with pytest.raises(RatError, match=message), torch.no_grad():
        verify(subject, wrong(subject.module))


def test_the_right_one_passes() -> None:
    subject = models.small_subject()
    with torch.no_grad():
        off = verify(subject, lambda *inputs: subject.module(*inputs) + 5e-5)
    assert 4e-5 < off.exported < 6e-5 and off.rounded == 0


def test_weights_that_float16_spoils_are_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    subject = models.small_subject("float16")
    found = verify(subject, subject.module)
    assert found.exported == 0 and found.rounded > 0
    monkeypatch.setattr(verifying, "ROUNDED", found.rounded / 2)
    with pytest.raises(RatError, match=r"float16 change the pictures.*take --precision float32"):
        verify(subject, subject.module)


def test_sentences_are_of_captions_and_of_chance() -> None:
    subject = models.small_subject()
    noise, sentence = subject.inputs(6, seed=3)
    assert noise.shape == (6, 6) and sentence.shape == (6, 64)
    assert torch.equal(sentence[::2], subject.sentences[:3])
    assert not any(torch.equal(row, said) for row in sentence[1::2] for said in subject.sentences)
    assert all(torch.equal(one, two) for one, two in zip(subject.inputs(6, seed=3), (noise, sentence), strict=True))
    assert models.small_subject(**{"text_encoder.name": "none"}).sentences.shape == (0, 256)


def test_a_model_that_draws_no_numbers_is_named() -> None:
    subject = models.small_subject()
    with torch.no_grad():
        next(subject.module.parameters()).fill_(torch.nan)
        with pytest.raises(RatError, match=r"generator: got pictures that are no numbers.*take an earlier checkpoint"):
            verify(subject, subject.module)


@pytest.mark.parametrize(
    ("vocabulary", "sentences"),
    [(["\u00e9t\u00e9", "Red", "red"], 8), (["can't", "Rose", "tulip"], 1), (["##a", "\u00e9t\u00e9"], 0)],
)
def test_words_that_no_caption_reaches_are_not_asked_for(vocabulary: list[str], sentences: int) -> None:
    assembly = build("ratgan-tiny", {"text_encoder.name": "damsm"}, vocabulary=["<end>", *vocabulary])
    found = models.subject(assembly)
    said = [caption for caption in CAPTIONS if "red" in caption.split()] if sentences == 8 else range(sentences)
    assert len(found.sentences) == len(said) and found.inputs(3)[1].shape == (3, 256)
