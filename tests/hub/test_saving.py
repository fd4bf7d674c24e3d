"""What `save_pretrained` replaces, keeps and refuses; what is refused leaves everything as it was."""

import errno
from pathlib import Path

import pytest
import torch

from rat_modules.assembly import Assembly
from rat_modules.errors import CheckpointError, RatError

from ..plates import small_model

pytest.importorskip("huggingface_hub", reason="huggingface_hub is not installed: pip install 'rat-modules[hub]'")
from rat_modules.hub import PretrainedAssembly  # not without the package

DRAWN = {"captions": ["a plate"]}


@pytest.fixture
def model(tmp_path: Path) -> PretrainedAssembly:
    return PretrainedAssembly.from_pretrained(small_model(tmp_path / "model"))


@pytest.fixture
def place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty current folder."""
    (tmp_path / "place").mkdir()
    monkeypatch.chdir(tmp_path / "place")
    return tmp_path / "place"


def content(folder: Path) -> dict[str, bytes]:
    return {str(path.relative_to(folder)): path.read_bytes() if path.is_file() else b"" for path in folder.rglob("*")}


def moved(model: PretrainedAssembly) -> PretrainedAssembly:
    with torch.no_grad():
        for weight in model.generator.parameters():
            weight.mul_(1.5)
    return model


def refused(model: PretrainedAssembly, where: object, **options: object) -> str:
    with pytest.raises(RatError) as error:
        model.save_pretrained(where, **{"model_card_kwargs": DRAWN, **options})
    assert "\n" not in str(error.value)
    return str(error.value)


def test_a_training_run_is_left_as_it_is(model: PretrainedAssembly, place: Path) -> None:
    small_model(place / "run")
    (place / "run" / "run.json").write_text("{}")
    before = content(place)
    assert "got run, where a training run lies (run.json), expected" in refused(model, "run")
    assert content(place) == before


def test_a_card_of_ours_goes_with_its_weights(model: PretrainedAssembly, place: Path) -> None:
    model.save_pretrained("shared", model_card_kwargs={**DRAWN, "data": "ten plates"})
    first = content(place / "shared")
    moved(model).save_pretrained("shared", model_card_kwargs={**DRAWN, "data": "twelve plates"})
    second = content(place / "shared")
    assert first.keys() == second.keys() and b"ten plates" not in second["README.md"]
    assert b"twelve plates" in second["README.md"] and second["grid.png"] != first["grid.png"]
    model.discriminator = None
    model.save_pretrained("shared", model_card_kwargs={"captions": ()})
    assert content(place / "shared").keys() == {"README.md", "recipe.toml", "generator.safetensors"}


def test_a_card_that_somebody_changed_is_kept(model: PretrainedAssembly, place: Path) -> None:
    model.save_pretrained("shared", model_card_kwargs=DRAWN)
    card = Path("shared/README.md")
    changed = card.read_text(encoding="utf-8").replace("not said", "ten plates", 1)
    card.write_text(changed, encoding="utf-8")
    first = content(place / "shared")
    moved(model).save_pretrained("shared", model_card_kwargs=DRAWN)
    second = content(place / "shared")
    assert {name for name in first if first[name] != second[name]} == {"generator.safetensors"}
    card.write_text(changed.replace("ten plates", "not said").replace("\n", "\r\n"), encoding="utf-8", newline="")
    model.save_pretrained("shared", model_card_kwargs={"captions": (), "data": "new"})
    assert "new" in card.read_text(encoding="utf-8"), "ends of lines are no change"


@pytest.mark.parametrize(
    ("where", "told"),
    [
        ("afile", "got afile, which is a file, expected a folder"),
        ("afile/x/y", "got afile, which is a file, expected a folder"),
        ("n" * 300, "(File name too long), expected a folder that can be written"),
        ("new/" + "n" * 300, "(File name too long), expected a folder that can be written"),
        ("", "got '', expected a folder's name"),
        (None, "got None, expected a folder's name"),
    ],
)
def test_no_place_for_a_model(where: object, told: str, model: PretrainedAssembly, place: Path) -> None:
    (place / "afile").write_text("mine")
    assert told in refused(model, where)
    assert content(place) == {"afile": b"mine"}


@pytest.mark.parametrize("part", ["generator", "discriminator"])
def test_a_full_disk(part: str, model: PretrainedAssembly, place: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    model.save_pretrained("shared", model_card_kwargs=DRAWN)
    before = content(place)
    from rat_modules.assembly import folder

    write = folder.write_safetensors

    def full(path: Path, *rest: object) -> None:
        if path.name.startswith(part):
            raise OSError(errno.ENOSPC, "No space left on device", str(path))
        write(path, *rest)

    monkeypatch.setattr(folder, "write_safetensors", full)
    for where in ("shared", "new/one"):
        told = refused(moved(model), where)
        assert told.startswith(f"folder for a model: got {where} (No space left on device), expected a folder that can")
    assert content(place) == before


def test_a_model_that_cannot_draw(model: PretrainedAssembly, place: Path) -> None:
    half = PretrainedAssembly.of(Assembly(None, model.discriminator, model.text_encoder, None, model.recipe))
    assert "save_pretrained: got a model without a generator, expected one that draws" in refused(half, "half")
    assert "got a model without a generator" in refused(half, "half", model_card_kwargs=None)
    with pytest.raises(RatError, match="push_to_hub: got a model without a generator"):
        half.push_to_hub("owner/half", token="none")
    assert content(place) == {}


def test_typos_are_told_before_anything_is_written(model: PretrainedAssembly, place: Path) -> None:
    with pytest.raises(TypeError, match=r"save_pretrained\(\) got unexpected arguments: foo"):
        model.save_pretrained("s", foo=1)
    with pytest.raises(TypeError, match=r"push_to_hub\(\) got unexpected arguments: foo"):
        model.push_to_hub("owner/s", foo=1, token="none")
    for call in (model.save_pretrained, model.push_to_hub):
        with pytest.raises(TypeError, match="unexpected keyword argument 'dat'"):
            call("owner/s", model_card_kwargs={"dat": "x"})
        with pytest.raises(RatError, match=r"nowhere\.json"):
            call("owner/s", model_card_kwargs={"results": ["nowhere.json"]})
    assert content(place) == {}


@pytest.mark.parametrize("name", ["./nowhere", "../nowhere", "/no/where", "~/nowhere", "a\\b", "a/b/c", "nowhere/"])
def test_a_path_that_leads_nowhere_is_no_name(name: str, place: Path) -> None:
    with pytest.raises(CheckpointError) as error:
        PretrainedAssembly.from_pretrained(name)
    assert str(error.value).startswith(f"model {name!r}: got no folder {name}, expected a folder, or owner/name")


@pytest.mark.parametrize("name", ["", " ", None, 3])
def test_no_name_asks_nobody(name: object, place: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    small_model(place / "here")
    monkeypatch.chdir(place / "here")  # which "" would be
    monkeypatch.setattr("rat_modules.hub.fetching.snapshot_download", lambda *_, **__: pytest.fail("asked the Hub"))
    with pytest.raises(CheckpointError, match=f"model: got {name!r}, expected a folder, or owner/name"):
        PretrainedAssembly.from_pretrained(name)
