"""Saved, loaded and shown as models on the Hub are; one folder for both habits."""

import shutil
import sys
from pathlib import Path

import attrs
import pytest
import torch
from PIL import Image

import rat_modules
from rat_modules.assembly import Assembly, load
from rat_modules.errors import CheckpointError, RatError

from ..plates import small_model

hub = pytest.importorskip("huggingface_hub", reason="huggingface_hub is not installed: pip install 'rat-modules[hub]'")
EMOJI = Path(__file__).parents[2] / "examples" / "ratgan" / "emoji"


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return small_model(tmp_path_factory.mktemp("model") / "small")


def pretrained() -> type:
    from rat_modules.hub import PretrainedAssembly

    return PretrainedAssembly


def same(one: Assembly, other: Assembly) -> bool:
    return bool((one.sample(["a plate", "a spoon"], seed=3) == other.sample(["a plate", "a spoon"], seed=3)).all())


def test_one_folder_for_both_habits(model: Path, tmp_path: Path) -> None:
    ours = pretrained().from_pretrained(model)
    assert isinstance(ours, Assembly) and same(ours, load(model))
    assert ours.save_pretrained(tmp_path / "theirs", model_card_kwargs={"captions": ["a plate"]}) is None
    assert {path.name for path in (tmp_path / "theirs").iterdir()} == {
        "README.md", "recipe.toml", "generator.safetensors", "discriminator.safetensors", "grid.png",
    }  # fmt: skip
    assert same(load(tmp_path / "theirs"), load(model)) and same(
        pretrained().from_pretrained(tmp_path / "theirs"), ours
    )


def cached(model: Path, cache: Path, name: str, commit: str, branch: str) -> None:
    """Lay a model where the Hub's own library keeps what it fetched."""
    repository = cache / ("models--" + name.replace("/", "--"))
    (repository / "snapshots").mkdir(parents=True, exist_ok=True)
    shutil.copytree(model, repository / "snapshots" / commit)
    (repository / "refs").mkdir(exist_ok=True)
    (repository / "refs" / branch).write_text(commit)


def test_a_name_and_a_revision_without_a_network(model: Path, tmp_path: Path) -> None:
    other = tmp_path / "other"
    changed = load(model)
    with torch.no_grad():
        for weight in changed.generator.parameters():
            weight.mul_(1.5)
    changed.save(other)
    cached(model, tmp_path / "cache", "somebody/plates", "a" * 40, "main")
    cached(other, tmp_path / "cache", "somebody/plates", "b" * 40, "later")
    where = {"cache_dir": tmp_path / "cache", "local_files_only": True}
    assert same(pretrained().from_pretrained("somebody/plates", **where), load(model))
    later = pretrained().from_pretrained("somebody/plates", revision="later", **where)
    assert same(later, load(other)) and not same(later, load(model))


@pytest.mark.parametrize("name", ["nobody/nothing", "no/such/name", "models/ nowhere"])
def test_a_model_that_is_nowhere_is_one_line(name: str, tmp_path: Path) -> None:
    with pytest.raises(CheckpointError, match=f"model '{name}': got ") as refused:
        pretrained().from_pretrained(name, cache_dir=tmp_path, local_files_only=True)
    assert "\n" not in str(refused.value) and "expected a folder, or owner/name" in str(refused.value)


def test_the_card_says_what_was_measured(tmp_path: Path) -> None:
    results = sorted((EMOJI / "results").glob("emoji*-*.json"))[-1:]
    told = {"data": "Noto Emoji", "licence": "apache-2.0", "results": results, "captions": ["red heart"]}
    pretrained().of(load(EMOJI)).save_pretrained(tmp_path / "card", model_card_kwargs=told)
    written = hub.ModelCard.load(tmp_path / "card" / "README.md")
    assert written.data.license == "apache-2.0" and written.data.library_name == "rat_modules"
    measured = rat_modules.evaluation.result.Result.read(results[0])
    rows = {row.metric_name: row.metric_value for row in written.data.eval_results}
    assert rows["frechet: distance, features of matcher"] == measured.results["frechet"]["distance"]
    assert {row.dataset_split for row in written.data.eval_results} == {measured.protocol["split"]}
    text = written.text
    assert f"protocol {measured.protocol['name']}" in text and "![" in text and "| trained on | Noto Emoji |" in text
    assert all(warning in text for warning in measured.warnings)


def test_what_lies_beside_the_weights_is_told(tmp_path: Path) -> None:
    model = pretrained().from_pretrained(EMOJI)
    model.save_pretrained(tmp_path / "same")
    text = (tmp_path / "same" / "README.md").read_text(encoding="utf-8")
    measured = rat_modules.evaluation.result.Result.read(EMOJI / "results" / "emoji-027511.json")
    assert text.count("## Measured by protocol") == 2, "of these weights, not of other steps"
    assert f"weights {measured.model['sha256'][:12]}" in text
    assert f"| frechet: distance | {measured.results['frechet']['distance']:.4g} |" in text
    with Image.open(tmp_path / "same" / "grid.png") as grid:
        assert grid.size[1] > 4 * 64, "the captions of captions.txt"
    with torch.no_grad():
        next(model.generator.parameters()).mul_(1.01)
    model.save_pretrained(tmp_path / "moved", model_card_kwargs={"captions": ()})
    assert "Measured" not in (tmp_path / "moved" / "README.md").read_text(encoding="utf-8"), "other weights by now"
    assert not (tmp_path / "moved" / "grid.png").exists()


def test_a_card_that_is_there_is_kept(model: Path, tmp_path: Path) -> None:
    (tmp_path / "README.md").write_text("mine")
    pretrained().from_pretrained(model).save_pretrained(tmp_path, model_card_kwargs={"captions": ["a plate"]})
    assert (tmp_path / "README.md").read_text() == "mine" and not (tmp_path / "grid.png").exists()


def test_without_the_package_it_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("huggingface_hub", "rat_modules.hub.pretrained", "rat_modules.hub.card"):
        monkeypatch.setitem(sys.modules, name, None)
    with pytest.raises(ImportError, match=r"pip install 'rat-modules\[hub\]'"):
        pretrained()


def test_a_model_without_a_discriminator_has_no_other_files(model: Path, tmp_path: Path) -> None:
    half = pretrained().from_pretrained(model / "generator.safetensors")
    assert half.discriminator is None
    half.save_pretrained(tmp_path / "half", model_card_kwargs={"captions": ()})
    assert {path.name for path in (tmp_path / "half").iterdir()} == {
        "README.md", "recipe.toml", "generator.safetensors",
    }  # fmt: skip


def test_texts_of_a_recipe_are_no_markup(model: Path) -> None:
    from rat_modules.hub.card import card

    assembly = load(model)
    assembly.recipe = attrs.evolve(assembly.recipe, summary="a | b <script>alert(1)</script>\n# hacked")
    text = card(assembly, data="<b>", name="# me\n## you").text
    assert "| a" not in text.replace("\\|", "") and "<script" not in text and "<b>" not in text
    assert [line for line in text.splitlines() if line.startswith("#")] == ["# # me ## you"]


def test_names_and_captions_of_another_kind_are_one_line(model: Path, tmp_path: Path) -> None:
    from rat_modules.hub.card import card

    with pytest.raises(CheckpointError, match="File name too long"):
        pretrained().from_pretrained("n" * 300, cache_dir=tmp_path, local_files_only=True)
    with pytest.raises(RatError, match="captions of a card: got 'a red heart', expected a list"):
        card(load(model), captions="a red heart")
