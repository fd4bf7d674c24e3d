"""Pretrained embeddings: lazy, deterministic, of unit variance, and refusals that say what to do."""

import copy
import subprocess
import sys

import pytest
import torch

from rat_modules.errors import RatError, ShapeError
from rat_modules.text.wordllama import WordLlamaTextEncoder

CAPTIONS = ["a red circle", "a blue square", "this bird has a long bill, \u00e9 and \U0001f600", "x " * 200]


def _python(code: str) -> str:
    return subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout


def test_constructing_imports_nothing_and_the_first_caption_does() -> None:
    code = (
        "import sys; from rat_modules.text.wordllama import WordLlamaTextEncoder as E; e = E();"
        "print('wordllama' in sys.modules); e.encode(['a bird']); print('wordllama' in sys.modules)"
    )
    assert _python(code).split() == ["False", "True"]


def test_a_missing_package_is_one_line_with_what_to_type() -> None:
    code = (
        "import sys; sys.modules['wordllama'] = None\n"
        "from rat_modules.text.wordllama import WordLlamaTextEncoder as E\n"
        "try: E().encode(['a bird'])\nexcept Exception as error: print(type(error).__name__, error)"
    )
    line = _python(code)
    assert line.startswith("RatError") and 'pip install "rat-modules[text]"' in line and line.count("\n") == 1


def test_the_application_keeps_its_logging() -> None:
    code = (
        "import logging; from rat_modules.text.wordllama import WordLlamaTextEncoder as E; E().encode(['a bird']);"
        "print(logging.getLogger().handlers, logging.getLogger().level == logging.WARNING)"
    )
    assert _python(code).strip() == "[] True"


@pytest.mark.parametrize("cond_dim", [64, 128, 256])
@pytest.mark.parametrize("scale", [1.0, 0.5])
def test_sentences_have_unit_variance_times_scale(cond_dim: int, scale: float) -> None:
    sentence = WordLlamaTextEncoder(cond_dim, scale=scale).encode(CAPTIONS)
    assert sentence.shape == (len(CAPTIONS), cond_dim) and sentence.dtype == torch.float32
    assert not sentence.requires_grad
    torch.testing.assert_close(sentence.square().mean(dim=1).sqrt(), torch.full((len(CAPTIONS),), scale))


def test_the_same_caption_is_the_same_vector_in_any_company() -> None:
    encoder = WordLlamaTextEncoder()
    together = encoder.encode(CAPTIONS)
    apart = torch.cat([encoder.encode([caption]) for caption in CAPTIONS])
    assert torch.equal(together, apart)
    assert torch.equal(encoder.encode(CAPTIONS[::-1]).flip(0), together)
    assert torch.equal(encoder.encode(["  A Red\n circle "]), encoder.encode(["a red circle"]))
    assert not torch.equal(
        WordLlamaTextEncoder(lowercase=False).encode(["A Red circle"]), encoder.encode(["A Red circle"])
    )


def test_meaning_is_in_the_vectors() -> None:
    red, crimson, blue = WordLlamaTextEncoder().encode(["a red bird", "a crimson bird", "a blue bus"])
    assert torch.cosine_similarity(red, crimson, dim=0) > torch.cosine_similarity(red, blue, dim=0) + 0.1


def test_no_word_is_unknown_and_nothing_is_saved() -> None:
    encoder = WordLlamaTextEncoder()
    sentence = encoder.encode(["a qwrtzpl"])
    assert encoder.unknown_words(["a qwrtzpl"]) == []
    assert encoder.state_dict() == {}
    assert torch.equal(copy.deepcopy(encoder).encode(["a qwrtzpl"]), sentence)


@pytest.mark.parametrize("captions", [[""], ["a", " "], []])
def test_empty_captions_are_refused(captions: list[str]) -> None:
    with pytest.raises(RatError, match="empty"):
        WordLlamaTextEncoder().encode(captions)


def test_a_width_that_the_package_does_not_have_is_refused_with_those_it_has() -> None:
    with pytest.raises(ShapeError, match="got 300, expected one of 64, 128, 256"):
        WordLlamaTextEncoder(300).encode(["a bird"])
    for wrong in ({"cond_dim": 0}, {"scale": 0.0}):
        with pytest.raises(ShapeError, match="positive"):
            WordLlamaTextEncoder(**wrong)  # type: ignore[arg-type]
