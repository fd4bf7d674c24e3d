"""The page reads captions as Python does: pieces, sentences and noise, in a real browser."""

import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch import nn

import rat_modules.exporting.web as web
from rat_modules.data.mini import Mini
from rat_modules.errors import RatError
from rat_modules.exporting.web import words
from rat_modules.exporting.web.encoder import check_encoder, write_encoder
from rat_modules.exporting.web.noise import seeded_noise
from rat_modules.exporting.web.packing import from_planes, pack, planes
from rat_modules.text.damsm import DAMSMTextEncoder
from rat_modules.text.learned_vocabulary import vocabulary_of
from rat_modules.text.projected import ProjectedTextEncoder
from rat_modules.text.wordllama import WordLlamaTextEncoder, load_package

PAGE = Path(web.__file__).with_name("page")
HOSTILE = [
    "a",
    "  a  red\u00a0bird\u2003\u3000\n\t\x1f ",
    "Crème BRÛLÉE naïve œuvre",
    "İstanbul ΣΑΣ ΟΔΟΣ ß ẞ ǅ",
    "🙂🏽‍🚀 🇩🇪 👩‍🔬",
    "قطة سوداء كبيرة",
    "חתול שחור",
    "\u202eright to left\u202c \u200b\ufeff",
    "日本語 한국어 ไทย हिन्दी",
    "𓀀𝔘𝔫𝔦𝔠𝔬𝔡𝔢",
    "e\u0301 and é, ﬁ ligature",
    "<s> </s><unk>x <S> <0x41> ▁▁",
    "a\x00b\x07\x1b[2J",
    "<script>alert(1)</script> & \"quotes\" 'n' \\ ${x}",
    "lololololo" * 1000,
    "x" * 10_000,
    "a red bird " * 900,
    "1234567890 3.14159 2^10 -- ... !!! ???",
]


@pytest.fixture(scope="module")
def encoders() -> dict[str, Any]:
    torch.manual_seed(1)
    return {
        "plain": WordLlamaTextEncoder(64),
        "loud": WordLlamaTextEncoder(128, scale=2.5, lowercase=False),
        "projected": ProjectedTextEncoder(WordLlamaTextEncoder(64), 48),
    }


@pytest.fixture(scope="module")
def served(encoders: dict[str, Any], serve: Callable, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    found = {}
    for name, encoder in encoders.items():
        folder = tmp_path_factory.mktemp(name)
        shutil.copytree(PAGE, folder, dirs_exist_ok=True)
        found[name] = serve(folder), write_encoder(folder, encoder)
    return found


def captions() -> list[str]:
    mini = Mini(image_size=1)
    some = [caption for index in range(len(mini)) for caption in mini.captions(index)]
    pieces = sorted(piece for piece in load_package(64).tokenizer.get_vocab() if piece.strip())[::40]
    return HOSTILE + some[:150] + pieces


ENCODE = """async ([facts, captions]) => {
  const { loadEncoder } = await import("./encoder.js");
  const encoder = await loadEncoder(facts);
  return captions.map((caption) => Array.from(encoder.sentence(caption)));
}"""


@pytest.mark.parametrize("name", ["plain", "loud", "projected"])
def test_sentences_are_those_of_python(browser: Any, served: dict, encoders: dict, name: str) -> None:
    address, facts = served[name]
    page = browser.new_page()
    page.goto(f"{address}/noise.js")
    said = captions()
    found = torch.tensor(page.evaluate(ENCODE.replace("./", f"{address}/"), [facts, said]))
    wanted = encoders[name].encode(said)
    assert len(said) > 900 and found.shape == wanted.shape
    # Python adds in float32, which over thousands of pieces is no longer exact; the page adds in float64
    far = (found - wanted).abs().amax(1)
    assert far.max() < 2e-4 and far[[len(caption) < 1000 for caption in said]].max() < 5e-6
    page.close()


@pytest.mark.parametrize("kind", ["words", "subwords"])
def test_sentences_of_a_closed_vocabulary(browser: Any, serve: Callable, tmp_path: Path, kind: Any) -> None:
    torch.manual_seed(2)
    said = captions()
    encoder = DAMSMTextEncoder(vocabulary_of([*said[len(HOSTILE) :][:150], "ab" * 99], kind), 30, 48, 7)
    with torch.no_grad():
        encoder.encoder.weight *= 30  # gates that are open and shut, not half open
    shutil.copytree(PAGE, tmp_path, dirs_exist_ok=True)
    facts, address, page = write_encoder(tmp_path, encoder), serve(tmp_path), browser.new_page()
    page.goto(f"{address}/noise.js")
    known = [caption for caption in said if encoder.vocabulary.numbers(caption)]
    found = torch.tensor(page.evaluate(ENCODE.replace("./", f"{address}/"), [facts, known]))
    assert 100 < len(known) < len(said) and found.std() > 0.15
    torch.testing.assert_close(found, encoder.encode(known), atol=5e-6, rtol=0)
    left_out = """async ([facts, captions]) => {
      const { loadEncoder } = await import("/encoder.js");
      const encoder = await loadEncoder(facts);
      return captions.map((caption) => encoder.unknown(caption));
    }"""
    assert page.evaluate(left_out, [facts, said]) == [encoder.unknown_words([each]) for each in said]
    with pytest.raises(Exception, match="Please use a word that this network knows"):
        page.evaluate(ENCODE.replace("./", f"{address}/"), [facts, ["\u65e5\u672c\u8a9e"]])
    page.close()


def test_pieces_are_those_of_the_tokenizer(browser: Any, served: dict) -> None:
    address, _ = served["plain"]
    page = browser.new_page()
    page.goto(f"{address}/noise.js")
    said = [" ".join(caption.split()) for caption in captions() if caption.strip()]
    found = page.evaluate(
        """async (captions) => {
          const { Pieces } = await import("/pieces.js");
          const { fetched } = await import("/packed.js");
          const known = JSON.parse(new TextDecoder().decode(await fetched("pieces.json.gz")));
          const pieces = new Pieces(known, new Uint16Array((await fetched("merges.gz")).buffer));
          return captions.map((caption) => pieces.encode(caption));
        }""",
        said,
    )
    tokenizer = load_package(64).tokenizer
    assert found == [tokenizer.encode(caption, add_special_tokens=False).ids for caption in said]
    page.close()


def test_noise_and_halves_are_those_of_python(browser: Any, serve: Callable, tmp_path: Path) -> None:
    shutil.copytree(PAGE, tmp_path, dirs_exist_ok=True)
    finite = np.arange(2**16, dtype=np.uint16).view(np.float16)
    finite = finite[np.isfinite(finite)]
    pack(tmp_path / "halves.gz", planes(finite))
    address, page = serve(tmp_path), browser.new_page()
    page.goto(f"{address}/noise.js")
    draw = "async ([seed, width]) => Array.from((await import('/noise.js')).seededNoise(seed, width))"
    for seed, width in ((0, 100), (1, 7), (2**32 - 1, 512)):
        torch.testing.assert_close(torch.tensor(page.evaluate(draw, [seed, width])), seeded_noise(seed, width))
    read = """async () => {
      const { fetched, widened } = await import('/packed.js');
      return Array.from(widened(await fetched('halves.gz')));
    }"""
    assert np.array_equal(np.array(page.evaluate(read)), finite.astype(np.float64))
    page.close()


def test_noise_is_normal() -> None:
    many = torch.stack([seeded_noise(seed, 100) for seed in range(300)])
    assert abs(many.mean()) < 0.02 and abs(many.std() - 1) < 0.02
    assert len({tuple(row.tolist()) for row in many}) == 300
    both = torch.corrcoef(many.T) - torch.eye(100)
    assert both.abs().mean() < 0.07, "coordinates follow each other"


def test_planes_and_back() -> None:
    halves = np.linspace(-3, 3, 77).astype(np.float16)
    assert np.array_equal(from_planes(planes(halves)), halves)


def test_other_encoders_are_refused_by_name() -> None:
    for encoder, name in (
        (None, "no text encoder"),
        (ProjectedTextEncoder(DAMSMTextEncoder(["<end>", "red"], cond_dim=8), 4), "DAMSMTextEncoder"),
        (nn.Linear(2, 2), "Linear"),
    ):
        with pytest.raises(
            RatError, match=f"text encoder of a web page: got {name}, expected damsm, or wordllama, alone or behind"
        ):
            check_encoder(encoder)


def test_a_tokenizer_of_another_kind_is_refused() -> None:
    import json

    known = json.loads(load_package(64).tokenizer.to_str())
    table, merges = words._tables(known)
    assert len(table["pieces"]) == 32000 and merges.shape == (61249, 2)
    for change in ({"pre_tokenizer": {"type": "Whitespace"}}, {"normalizer": None}):
        with pytest.raises(RatError, match="expected byte pair encoding with byte fallback"):
            words._tables({**known, **change})
