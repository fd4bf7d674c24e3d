"""The whole page in Chromium, from a file server: it draws what Python draws, and answers hostile input politely."""

import errno
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch

from rat_modules.assembly import load
from rat_modules.assembly.build import build
from rat_modules.assembly.system import Assembly
from rat_modules.errors import DataError
from rat_modules.exporting.subject import subject
from rat_modules.exporting.web import folder as web_folder
from rat_modules.exporting.web.folder import export_page
from rat_modules.exporting.web.noise import seeded_noise
from rat_modules.sampling.pixels import to_pixels

from .. import models

EMOJI = Path(__file__).parents[3] / "examples" / "ratgan" / "emoji"
pytestmark = models.onnx_there


@pytest.fixture(scope="module")
def emoji() -> Assembly:
    return load(EMOJI)


@pytest.fixture(scope="module")
def site(emoji: Assembly, tarballs: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("web") / "site"
    made = export_page(emoji, subject(emoji), out, runtime=tarballs, captions=["red heart", "sunflower"])
    assert made.size == sum(path.stat().st_size for path in out.iterdir()) < 30e6
    return out


@pytest.fixture
def page(browser: Any, serve: Callable, site: Path) -> Any:
    address, asked = serve(site), []
    page = browser.new_page()
    page.problems = []
    page.on("pageerror", lambda error: page.problems.append(str(error)))
    page.on("console", lambda line: page.problems.append(line.text) if complaint(line) else None)
    page.on("request", lambda request: asked.append(request.url))
    page.goto(address)
    assert page.evaluate("window.ready.then(Boolean)")
    assert all(url.startswith((address, "data:", "blob:")) for url in asked), "something from elsewhere"
    yield page
    assert page.problems == []
    page.close()


def complaint(line: Any) -> bool:
    """Is a line of the console one of the page's, and not about this test's own reading of canvases?"""
    return line.type in ("error", "warning") and "willReadFrequently" not in line.text


GENERATE = """async ([caption, seed]) => {
  const painter = await window.ready;
  return Array.from((await painter.generate(caption, [painter.noise(seed)]))[0]);
}"""


@pytest.mark.slow
@pytest.mark.network
@pytest.mark.parametrize("caption", ["sunflower", "Crème brûlée 🍮", "قطة سوداء", "x" * 10_000, "</s> \u202e \x00"])
def test_numbers_are_those_of_python(page: Any, emoji: Assembly, caption: str) -> None:
    found = torch.tensor(page.evaluate(GENERATE, [caption, 7])).reshape(3, 64, 64)
    wanted = emoji.sample([caption], noise=seeded_noise(7, 100)[None])[0]
    assert wanted.std() > 0.05, "a grey picture would prove nothing"
    torch.testing.assert_close(found, wanted, atol=1e-3, rtol=0)


CANVAS = """(place) => {
  const canvas = document.querySelectorAll("canvas")[place];
  return Array.from(canvas.getContext("2d").getImageData(0, 0, canvas.width, canvas.height).data);
}"""


def drawn(page: Any, act: Callable[[], None]) -> None:
    page.evaluate("document.getElementById('said').textContent = ''")
    act()
    page.locator(
        "#said:not(:empty)"
    ).wait_for()  # the page's policy lets nothing be evaluated, as a wait for text would


@pytest.mark.slow
@pytest.mark.network
def test_what_is_typed_is_what_python_paints(page: Any, emoji: Assembly) -> None:
    drawn(page, lambda: page.fill("#seed", "41"))
    drawn(page, lambda: page.fill("#caption", "green apple"))
    assert page.locator("canvas").count() == 4 and "seeds 41 to 44" in page.text_content("#said")
    noise = torch.stack([seeded_noise(seed, 100) for seed in range(41, 45)])
    wanted = to_pixels(emoji.sample(["green apple"] * 4, noise=noise), 0.85)
    for place in range(4):
        found = torch.tensor(page.evaluate(CANVAS, place)).reshape(64, 64, 4)
        assert (found[..., 3] == 255).all()
        assert (found[..., :3].permute(2, 0, 1) - wanted[place].int()).abs().max() <= 1
    drawn(page, lambda: page.click("#again"))
    assert page.input_value("#seed") == "45"
    drawn(page, lambda: page.locator("#strength").fill("0"))
    first, second = page.evaluate(CANVAS, 0), page.evaluate(CANVAS, 1)
    assert first == second, "without noise, all pictures are one"
    drawn(page, lambda: page.get_by_text("sunflower").click())
    assert page.input_value("#caption") == "sunflower" and page.evaluate(CANVAS, 0) != first


@pytest.mark.slow
@pytest.mark.network
def test_hostile_input_is_answered_politely(page: Any) -> None:
    for typed, answer in (
        ("   ", "Please type a caption"),
        ("y" * 20_001, "Please keep it below 20,000 letters"),
        ("<img src=x onerror=alert(1)>", "4 pictures"),
    ):
        drawn(page, lambda typed=typed: page.fill("#caption", typed))
        assert answer in page.text_content("#said")
    page.evaluate("document.getElementById('caption').value = 'half \\ud83d'")
    drawn(page, lambda: page.click("#again"))
    assert "half of a character" in page.text_content("#said")
    drawn(page, lambda: page.fill("#caption", "red heart"))
    for seed, told in (
        ("", "seeds 0 to 3"),
        ("-5", "seeds 0 to 3"),
        ("1e300", "seeds 4294967295"),
        ("2.9", "seeds 2 "),
    ):
        drawn(page, lambda seed=seed: page.fill("#seed", seed))
        assert told in page.text_content("#said")


@pytest.mark.slow
@pytest.mark.network
def test_a_closed_vocabulary_draws_too_and_says_what_it_does_not_know(
    browser: Any, serve: Callable, tarballs: Path, tmp_path: Path
) -> None:
    torch.manual_seed(4)
    vocabulary = ["<end>", "red", "heart", "green", "apple"]
    assembly = build("ratgan-tiny", {"text_encoder.name": "damsm"}, vocabulary=vocabulary)
    export_page(assembly, subject(assembly), tmp_path / "site", runtime=tarballs, captions=["red heart"])
    page = browser.new_page()
    page.goto(serve(tmp_path / "site"))
    assert page.evaluate("window.ready.then(Boolean)")
    found = torch.tensor(page.evaluate(GENERATE, ["a red apple", 7])).reshape(3, 32, 32)
    noise = seeded_noise(7, assembly.generator.noise_dim)[None]
    torch.testing.assert_close(found, assembly.sample(["a red apple"], noise=noise)[0], atol=1e-3, rtol=0)
    drawn(page, lambda: page.fill("#caption", "a Blue apple"))
    assert page.text_content("#said").endswith('words it does not know: "a", "blue"')
    drawn(page, lambda: page.fill("#caption", "something else"))
    assert 'use a word that this network knows, as "red", "heart", "green", "apple"' in page.text_content("#said")
    page.close()


@pytest.mark.slow
@pytest.mark.network
def test_a_phone_sees_all_of_its_width(browser: Any, serve: Callable, site: Path) -> None:
    page = browser.new_page(viewport={"width": 360, "height": 740})
    page.goto(serve(site))
    assert page.evaluate("window.ready.then(Boolean)")
    assert page.evaluate("document.documentElement.scrollWidth") <= 360
    page.close()


@pytest.mark.slow
@pytest.mark.network
def test_a_lost_file_and_a_folder_that_is_opened_as_files_say_so(
    browser: Any, serve: Callable, site: Path, tmp_path: Path
) -> None:
    page = browser.new_page()
    page.goto((site / "index.html").as_uri())
    page.get_by_text("python -m http.server").wait_for()
    for path in site.iterdir():
        if path.name != "rows.gz":
            (tmp_path / path.name).symlink_to(path)
    page.goto(serve(tmp_path))
    page.get_by_text("rows.gz could not be fetched").wait_for()
    page.close()


def test_without_the_tarball_nothing_is_left(tmp_path: Path) -> None:
    assembly = models.small()
    with pytest.raises(
        DataError, match=r"lacks onnxruntime-web-1.30.0.tgz; make it there with `npm pack onnxruntime-web"
    ):
        export_page(assembly, subject(assembly), tmp_path / "site", runtime=tmp_path)
    assert list(tmp_path.iterdir()) == []
    (tmp_path / "onnxruntime-web-1.30.0.tgz").write_bytes(b"something else")
    with pytest.raises(DataError, match=r"size of onnxruntime-web-1.30.0.tgz: got 14, expected 33106585 bytes"):
        export_page(assembly, subject(assembly), tmp_path / "site", runtime=tmp_path)
    assert [path.name for path in tmp_path.iterdir()] == ["onnxruntime-web-1.30.0.tgz"]


def test_a_full_disk_leaves_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(folder: Path, *_: object) -> None:
        (folder / "half").write_bytes(b"half a fi")
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(web_folder, "write_runtime", lambda *_: None)
    monkeypatch.setattr(web_folder, "write_encoder", full)
    assembly = models.small()
    with pytest.raises(OSError, match="No space left"):
        export_page(assembly, subject(assembly), tmp_path / "site", runtime=tmp_path)
    assert list(tmp_path.iterdir()) == []


def test_what_stands_in_the_folder_or_comes_there_stays(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    out = tmp_path / "site"
    monkeypatch.setattr(web_folder, "write_runtime", lambda *_: None)

    def export() -> None:
        assembly = models.small()
        export_page(assembly, subject(assembly), out)

    out.mkdir()
    (out / "thesis.txt").write_text("mine")
    with pytest.raises(OSError, match="not empty"):
        export()
    (out / "thesis.txt").unlink()

    def meanwhile(folder: Path, *_: object) -> dict[str, object]:
        (out / "thesis.txt").write_text("mine")
        return {}

    monkeypatch.setattr(web_folder, "write_encoder", meanwhile)
    with pytest.raises(OSError, match="not empty"):
        export()
    assert [path.name for path in tmp_path.iterdir()] == ["site"] and (out / "thesis.txt").read_text() == "mine"
    (out / "thesis.txt").unlink()
    monkeypatch.setattr(web_folder, "write_encoder", lambda *_: {})
    (tmp_path / "link").symlink_to(out)
    out = tmp_path / "link"
    export()
    assert out.is_symlink() and (tmp_path / "site" / "index.html").is_file()


def test_ideas_are_captions_that_the_encoder_reads(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(web_folder, "write_runtime", lambda *_: None)
    for vocabulary, ideas in ((["rose", "tulip"], ["rose", "tulip"]), (["red", "rose"], ["a large red circle"])):
        assembly = build("ratgan-tiny", {"text_encoder.name": "damsm"}, vocabulary=["<end>", *vocabulary])
        out = tmp_path / vocabulary[0]
        export_page(assembly, subject(assembly), out, captions=["a large red circle", "grinning cat"])
        assert json.loads((out / "model.json").read_text())["captions"] == ideas
