"""Folders and single files: round trips, and one clear line for whatever is wrong."""

from pathlib import Path

import attrs
import pytest
import torch

import rat_modules
from rat_modules import Assembly, assemble
from rat_modules.checkpoints.files import write_safetensors
from rat_modules.errors import CheckpointError, RatError
from rat_modules.recipes import Component, recipe_toml

SMALL = {"text_encoder.name": "none", "generator.width": 2, "generator.image_size": 16, "controller.hidden_dim": 16}


@pytest.fixture
def assembly() -> Assembly:
    return assemble("ratgan", **SMALL)


def test_folder_round_trip_is_exact(assembly: Assembly, tmp_path: Path) -> None:
    assembly.save(tmp_path / "model")
    assert sorted(file.name for file in (tmp_path / "model").iterdir()) == [
        "discriminator.safetensors",
        "generator.safetensors",
        "recipe.toml",
    ]
    loaded = rat_modules.load(tmp_path / "model")
    assert loaded.recipe == assembly.recipe
    for part in ("generator", "discriminator"):
        ours, theirs = getattr(assembly, part).state_dict(), getattr(loaded, part).state_dict()
        assert ours.keys() == theirs.keys()
        assert all(torch.equal(ours[name], theirs[name]) for name in ours)


def test_what_is_loaded_gives_one_output_for_one_input(tmp_path: Path) -> None:
    assemble("ratgan-cbn", **SMALL, **{"generator.gate_init": 1.0}).save(tmp_path / "model")
    loaded = rat_modules.load(tmp_path / "model")
    assert not loaded.generator.training and not loaded.discriminator.training
    noise, sentence = torch.randn(4, 100), torch.randn(4, 256)
    whole = loaded.generator(noise, sentence)
    halves = [loaded.generator(noise[part], sentence[part]) for part in (slice(0, 2), slice(2, 4))]
    torch.testing.assert_close(torch.cat(halves), whole, rtol=0, atol=1e-5)


def test_generator_file_alone_is_enough(assembly: Assembly, tmp_path: Path) -> None:
    assembly.save(tmp_path / "model")
    alone = (tmp_path / "model" / "generator.safetensors").rename(tmp_path / "alone.safetensors")
    loaded = rat_modules.load(alone)
    noise, sentence = torch.randn(2, 100), torch.randn(2, 256)
    assert torch.equal(loaded.generator(noise, sentence), assembly.generator(noise, sentence))
    assert loaded.discriminator is None


def test_saving_over_another_model_leaves_none_of_its_parts(assembly: Assembly, tmp_path: Path) -> None:
    folder = tmp_path / "model"
    assembly.save(folder)
    (folder / "text_encoder.safetensors").touch()
    (folder / "notes.txt").touch()
    attrs.evolve(assemble("ratgan", **{**SMALL, "generator.width": 3}), discriminator=None).save(folder)
    names = sorted(file.name for file in folder.iterdir())
    assert names == ["generator.safetensors", "notes.txt", "recipe.toml"]
    loaded = rat_modules.load(folder)
    assert loaded.generator.width == 3 and loaded.discriminator is None


def test_loading_leaves_the_callers_random_numbers_alone(assembly: Assembly, tmp_path: Path) -> None:
    assembly.save(tmp_path / "model")
    state = torch.get_rng_state()
    rat_modules.load(tmp_path / "model")
    assert torch.equal(torch.get_rng_state(), state)


def test_a_failed_save_leaves_no_folder(assembly: Assembly, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*_: object, **__: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("rat_modules.assembly.folder.write_safetensors", full)
    with pytest.raises(OSError, match="No space left"):
        assembly.save(tmp_path / "model")
    assert list(tmp_path.iterdir()) == []


def test_refusals_name_the_file(assembly: Assembly, tmp_path: Path) -> None:
    folder = tmp_path / "model"
    assembly.save(folder)
    weights = folder / "generator.safetensors"
    whole = weights.read_bytes()

    with pytest.raises(CheckpointError, match=r"no file .*nowhere, expected a run folder or a \.safetensors file"):
        rat_modules.load(tmp_path / "nowhere")
    (tmp_path / "empty").mkdir()
    with pytest.raises(CheckpointError, match="no weights in"):
        rat_modules.load(tmp_path / "empty")
    weights.write_bytes(whole[: len(whole) // 2])
    with pytest.raises(CheckpointError, match=r"generator.safetensors is truncated"):
        rat_modules.load(folder)
    weights.write_bytes(b"PK\x03\x04 not tensors")
    with pytest.raises(CheckpointError, match=r"not a safetensors file.*rat-modules convert"):
        rat_modules.load(folder)
    weights.write_bytes(whole)
    with pytest.raises(CheckpointError, match=r"does not fit RATGenerator.*give its folder, or generator\.safetensors"):
        rat_modules.load(folder / "discriminator.safetensors")
    recipe = folder / "recipe.toml"
    recipe.write_text(recipe.read_text().replace("width = 2", "width = 3"))
    with pytest.raises(CheckpointError, match=r"does not fit RATGenerator: .*expected"):
        rat_modules.load(folder)


def test_foreign_safetensors_is_refused(tmp_path: Path) -> None:
    from safetensors.torch import save_file

    save_file({"weight": torch.ones(2)}, tmp_path / "foreign.safetensors")
    with pytest.raises(CheckpointError, match="does not say what it is"):
        rat_modules.load(tmp_path / "foreign.safetensors")


def carrying(assembly: Assembly, file: Path, **metadata: str) -> Path:
    """A generator file with other metadata."""
    text = {"recipe": recipe_toml(assembly.recipe), **metadata}
    write_safetensors(file, assembly.generator.state_dict(), text)
    return file


@pytest.mark.parametrize(
    ("start", "reason"),
    [
        ('extends = "/etc/passwd"\n', "extends = '/etc/passwd', expected a recipe that is complete"),
        ("name is wrong\n", "expected valid TOML"),
        ("x = " + "[" * 5000 + "]" * 5000 + "\n", "expected valid TOML"),
    ],
)
def test_a_carried_recipe_opens_no_other_file(assembly: Assembly, tmp_path: Path, start: str, reason: str) -> None:
    file = carrying(assembly, tmp_path / "x.safetensors", recipe=start + recipe_toml(assembly.recipe))
    with pytest.raises(CheckpointError) as refusal:
        rat_modules.load(file)
    assert str(refusal.value).startswith(f"the recipe that {file} carries: got ") and reason in str(refusal.value)


@pytest.mark.parametrize(
    ("vocabulary", "reason"),
    [
        ("5", "vocabulary: got 5, expected a list of words"),
        ('"abc"', "vocabulary: got 'abc', expected a list of words"),
        ("abc", "vocabulary in the file's metadata: got no JSON"),
        ("[" * 100_000, "vocabulary in the file's metadata: got no JSON"),
        ("[1, 2]", "vocabulary: got 1, expected two or more words"),
    ],
    ids=["number", "text", "no JSON", "deep", "numbers"],
)
def test_a_foreign_vocabulary(assembly: Assembly, tmp_path: Path, vocabulary: str, reason: str) -> None:
    recipe = attrs.evolve(assembly.recipe, text_encoder=Component("damsm"))
    file = carrying(assembly, tmp_path / "x.safetensors", recipe=recipe_toml(recipe), vocabulary=vocabulary)
    with pytest.raises(CheckpointError) as refusal:
        rat_modules.load(file)
    assert reason in str(refusal.value)


def test_sampling_refuses_what_is_not_there(assembly: Assembly) -> None:
    with pytest.raises(RatError, match="no text_encoder"):
        assembly.sample("a red circle")
