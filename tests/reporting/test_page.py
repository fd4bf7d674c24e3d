"""The page of a run: made by the real command of a real run, whole in one file, with everything that it promises."""

import json
import math
import re
from html.parser import HTMLParser
from pathlib import Path

import pytest

from rat_modules.cli import main
from rat_modules.reporting.drawing import curves, shades
from rat_modules.reporting.page import page, read_rows

VOID = {"meta", "img", "line", "polyline", "rect", "circle"}


class Balanced(HTMLParser):
    def __init__(self, text: str) -> None:
        super().__init__()
        self.open: list[str] = []
        self.feed(text)
        assert self.open == []

    def handle_starttag(self, tag: str, attrs: list) -> None:
        if tag not in VOID:
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        if tag not in VOID:
            assert self.open.pop() == tag


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("runs") / "first"
    small = ["generator.width=2", "generator.image_size=16", "training.sample_every=10"]
    words = ["--recipe", "ratgan-tiny", "--data", "mini", "--out", out, "--steps", 20, "--batch", 4, "--device", "cpu"]
    more = ["--set", "attention.name=soft-threshold-attention", *(word for each in small for word in ("--set", each))]
    assert main(["train", *map(str, words), *more]) == 0
    return out


def test_a_run_becomes_one_page(run: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["report", str(run)]) == 0
    assert capsys.readouterr().out == f"written: {run / 'report.html'}\n"
    text = (run / "report.html").read_text(encoding="utf-8")
    Balanced(text)
    for heading in ("Losses", "Penalty", "Samples over time", "Where the discriminator looks",
                    "The recurrence, stopped after each block", "Which block paints which word",
                    "The way of the hidden state"):  # fmt: skip
        assert f"<h2>{heading}</h2>" in text
    assert not re.search(r"(src|href)=\"(?!data:)", text), "it needs nothing else"
    assert text.count("step 10<") == text.count("step 20<") == 1


def test_captions_of_ones_own_are_escaped(run: Path, tmp_path: Path) -> None:
    out = tmp_path / "page.html"
    assert main(["report", str(run), "--caption", "a <script>alert(1)</script> & 'face'", "--out", str(out)]) == 0
    text = out.read_text(encoding="utf-8")
    Balanced(text)
    assert "<script>" not in text and "a &lt;script&gt;alert(1)&lt;/script&gt; &amp; &#x27;face&#x27;" in text


def test_a_run_that_has_only_begun_has_a_page_too(run: Path, tmp_path: Path) -> None:
    begun = tmp_path / "begun"
    begun.mkdir()
    for name in ("run.json", "recipe.toml"):
        (begun / name).write_bytes((run / name).read_bytes())
    (begun / "metrics.jsonl").write_text('{"step": 10, "real": 1.0, "notes": ["the gates stay shut"]}\n{"step": 2')
    assert main(["report", str(begun)]) == 0
    text = (begun / "report.html").read_text(encoding="utf-8")
    Balanced(text)
    assert "<li>steps 10 to 10: the gates stay shut</li>" in text


def test_what_is_no_run_is_refused(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["report", str(tmp_path / "nowhere")]) == 2
    assert "expected a folder that `train` wrote" in capsys.readouterr().err
    assert not (tmp_path / "nowhere").exists()


def test_notes_stand_once_however_their_numbers_change() -> None:
    rows = [{"step": step, "notes": [f"{step} % of the time goes into waiting"]} for step in (10, 20, 30)]
    text = page(rows, [], None, [], "a run")
    assert text.count("<li>") == 1 and "steps 10 to 30: 30 % of the time" in text


def test_numbers_of_half_a_line_are_left_out(tmp_path: Path) -> None:
    file = tmp_path / "metrics.jsonl"
    file.write_text(json.dumps({"step": 10}) + '\n["step"]\n{"step": "x"}\n{"st')
    assert read_rows(file) == [{"step": 10}]


def test_single_spikes_do_not_flatten_a_curve() -> None:
    points = [(float(x), 1.0 + x / 1000) for x in range(500)]
    text = curves({"loss": [*points, (500.0, 1e6)]})
    labels = [float(each) for each in re.findall(r'<text x="54" [^>]*>([\d.e+]+)</text>', text)]
    assert max(labels) < 2
    Balanced(text)


def test_shades_are_relative_to_the_largest() -> None:
    text = shades({"left": [0.0, 2.0], "<b>": [1.0, 0.5]}, ["block 0", "block 1"])
    assert "0.00)" in text and "1.00)" in text and "0.50)" in text and "<b>" not in text
    marked = shades({"left": [math.nan, 2.0], "right": [math.nan, 1.0]}, ["block 0", "block 1"])
    assert marked.count("<td>&ndash;</td>") == 2 and "1.00)" in marked and "0.50)" in marked and "nan" not in marked
    assert "nan" not in shades({"left": [math.nan]}, ["block 0"])
