"""Run by whoever has rat_modules and this package installed: `pytest` in the folder above.

The model is a CLIP of the real architecture with small widths and weights drawn at random: no download. What needs
transformers is skipped where it is absent; what must hold without it is run with it hidden.
"""

import importlib.util
import json
import math
import shutil
import socket
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import torch
from PIL import Image
from rat_modules_clip.images import CLIPImageFeatures, prepare
from rat_modules_clip.pretrained import pretrained
from rat_modules_clip.score import CLIPScore, clip_score
from rat_modules_clip.text import CLIPTextEncoder
from torch import Tensor

from rat_modules import assemble, load
from rat_modules.checkpoints.files import read_safetensors
from rat_modules.errors import CheckpointError, RatError, RecipeError, ShapeError
from rat_modules.testing import check_metric

CAPTIONS = ["a red circle", "a blue square to the left", "green"]
SIZE, SHARED, WIDE, LONGEST = 32, 16, 24, 77
present = pytest.mark.skipif(not importlib.util.find_spec("transformers"), reason="needs pip install transformers")
# its own deprecations are not ours to mend
pytestmark = pytest.mark.filterwarnings("default")


def _make(folder: Path, seed: int) -> Path:
    """Save a small CLIP with a tokenizer of single letters."""
    from transformers import CLIPConfig, CLIPModel, CLIPTokenizer

    letters = "abcdefghijklmnopqrstuvwxyz,."
    words = [*letters, *(letter + "</w>" for letter in letters), "<|startoftext|>", "<|endoftext|>"]
    vocabulary = {word: number for number, word in enumerate(words)}
    begin, end = vocabulary["<|startoftext|>"], vocabulary["<|endoftext|>"]
    half = {"hidden_size": WIDE, "intermediate_size": 32, "num_hidden_layers": 2, "num_attention_heads": 2}
    text = {"vocab_size": len(words), "bos_token_id": begin, "eos_token_id": end, "pad_token_id": end}
    config = CLIPConfig(
        text_config={**half, **text, "projection_dim": SHARED},
        vision_config={**half, "image_size": SIZE, "patch_size": 8, "projection_dim": SHARED},
        projection_dim=SHARED,
    )
    torch.manual_seed(seed)
    model = CLIPModel(config)
    for parameter in model.parameters():  # as large as trained ones, lest all captions be nearly one
        torch.nn.init.normal_(parameter, std=0.3)
    model.save_pretrained(folder)
    CLIPTokenizer(vocab=vocabulary, merges=[]).save_pretrained(folder)
    return folder


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return _make(tmp_path_factory.mktemp("clip") / "small", seed=1)


@pytest.fixture(scope="module")
def whole(folder: Path) -> Any:
    from transformers import CLIPModel

    return CLIPModel.from_pretrained(folder).eval()


@pytest.fixture(scope="module")
def encoder(folder: Path) -> CLIPTextEncoder:
    return CLIPTextEncoder(model=str(folder))


def _pictures(height: int, width: int) -> Tensor:
    """Bytes 'n 3 h w': a smooth one and a noisy one."""
    rows, columns = torch.meshgrid(torch.linspace(0, 1, height), torch.linspace(0, 1, width), indexing="ij")
    smooth = torch.stack([rows, columns, (6 * rows * columns).sin().square()])
    noisy = torch.rand(3, height, width, generator=torch.Generator().manual_seed(1))
    return (255 * torch.stack([smooth, noisy])).round().to(torch.uint8)


def test_without_transformers_it_is_listed_and_building_says_what_to_type() -> None:
    code = """
import sys
sys.modules["transformers"] = None
from rat_modules import assemble
from rat_modules.errors import RatError
from rat_modules.registry import get_catalog
for kind, name in (("text_encoders", "clip"), ("metrics", "clip-score")):
    entry = get_catalog().get(kind, name)
    print(entry.problem(), entry.resolve().__name__)
for build in (lambda: assemble("ratgan-tiny", **{"text_encoder.name": "clip"}), entry.resolve()):
    try: build()
    except RatError as error: print(error)
print(assemble("ratgan-tiny", **{"generator.width": 2}).sample("a red circle").shape)
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    said = done.stdout.splitlines()
    assert said[:2] == ["None CLIPTextEncoder", "None CLIPScore"]
    assert said[2].startswith("text encoder 'clip' needs the package transformers: ")
    assert said[3].startswith("image features of CLIP needs the package transformers: ")
    assert all(line.endswith("; pip install transformers") for line in said[2:4])
    assert said[4:] == ["torch.Size([1, 3, 32, 32])"]


def test_options_are_checked() -> None:
    with pytest.raises(ShapeError, match="scale: got 0, expected a positive number"):
        CLIPTextEncoder(scale=0)
    wrong = {"text_encoder.name": "clip", "text_encoder.features": "words"}
    with pytest.raises(RecipeError, match=r"text_encoder\.features is 'words', expected one of projected, pooled"):
        assemble("ratgan-tiny", **wrong)


@pytest.mark.parametrize(("height", "width"), [(64, 64), (50, 77), (77, 50), (20, 24), (SIZE, SIZE)])
@present
def test_pictures_are_prepared_as_transformers_does(height: int, width: int) -> None:
    from transformers import CLIPImageProcessorPil

    pixels = _pictures(height, width)
    theirs = CLIPImageProcessorPil(size={"shortest_edge": SIZE}, crop_size={"height": SIZE, "width": SIZE})
    pictures = [Image.fromarray(each.permute(1, 2, 0).numpy()) for each in pixels]
    wanted = theirs(pictures, return_tensors="pt")["pixel_values"]
    found = prepare(pixels / 127.5 - 1, SIZE)
    torch.testing.assert_close(found, prepare(pixels, SIZE))
    levels = (found - wanted).abs() * 255 * 0.27  # a standardised channel is 1/0.27 as wide
    assert levels.max() <= 1.25, "Pillow rounds to bytes twice, after the rows and after the columns"
    assert levels.mean() <= 0.4


def test_pictures_that_are_none_are_refused_and_gradients_reach_those_that_are() -> None:
    with pytest.raises(ShapeError, match=r"images: got \(2, 1, 8, 8\), expected 'n 3 h w'"):
        prepare(torch.zeros(2, 1, 8, 8), SIZE)
    images = (torch.rand(1, 3, 48, 40) - 0.5).requires_grad_()
    prepare(images, SIZE).square().sum().backward()
    assert images.grad is not None and images.grad[:, :, 8:40].abs().min() > 0


@present
def test_sentences_are_the_text_features_of_clip(folder: Path, encoder: CLIPTextEncoder, whole: Any) -> None:
    from transformers import CLIPTokenizer

    tokens = CLIPTokenizer.from_pretrained(folder)(CAPTIONS, padding=True, return_tensors="pt")
    with torch.no_grad():
        outputs = whole(**tokens, pixel_values=torch.zeros(1, 3, SIZE, SIZE))
    sentence = encoder.encode(CAPTIONS)
    assert sentence.shape == (3, encoder.cond_dim) == (3, SHARED) and sentence.dtype == torch.float32
    torch.testing.assert_close(sentence / sentence.norm(dim=1, keepdim=True), outputs.text_embeds)
    pooled = CLIPTextEncoder(model=str(folder), features="pooled")
    assert pooled.cond_dim == WIDE
    ends = tokens["attention_mask"].sum(1) - 1
    wanted = outputs.text_model_output.last_hidden_state[torch.arange(3), ends]
    torch.testing.assert_close(pooled.encode(CAPTIONS), wanted)
    scaled = CLIPTextEncoder(model=str(folder), scale=0.5).encode(CAPTIONS)
    torch.testing.assert_close(scaled, sentence / sentence.norm(dim=1, keepdim=True) * (0.5 * math.sqrt(SHARED)))


@present
def test_captions_differ_and_company_does_not_matter(encoder: CLIPTextEncoder) -> None:
    together = encoder.encode([*CAPTIONS, "word " * 50] * 20)  # more than are encoded at once
    for row, caption in enumerate(CAPTIONS):
        torch.testing.assert_close(together[row], encoder.encode([caption])[0], atol=1e-5, rtol=1e-4)
    assert torch.pdist(together[:4]).min() > 0.1
    with pytest.raises(RatError, match="caption 2 is empty"):
        encoder.encode(["a", " "])


@present
def test_long_captions_are_cut_and_still_end(encoder: CLIPTextEncoder) -> None:
    fits = "a" * (LONGEST - 2)  # a token is a letter; one begins, one ends
    assert encoder.max_tokens == LONGEST
    torch.testing.assert_close(encoder.encode([fits + "bcd"])[0], encoder.encode([fits + "efg " * 40])[0])
    shorter = encoder.encode(["a" * (LONGEST - 3) + " b"]), encoder.encode(["a" * (LONGEST - 3) + " c"])
    assert (shorter[0] - shorter[1]).abs().max() > 1e-3


@present
def test_image_features_are_those_of_clip(folder: Path, whole: Any) -> None:
    pixels = _pictures(48, 48)
    with torch.no_grad():
        outputs = whole.vision_model(prepare(pixels, SIZE))
        projected = whole.visual_projection(outputs.pooler_output)
    extractor = CLIPImageFeatures(model=str(folder))
    assert (extractor.feature_dim, extractor.image_size) == (SHARED, SIZE)
    torch.testing.assert_close(extractor(pixels), projected)
    pooled = CLIPImageFeatures(model=str(folder), features="pooled")
    torch.testing.assert_close(pooled(pixels), outputs.pooler_output)
    images = torch.zeros(1, 3, 40, 40, requires_grad=True)
    extractor(images).sum().backward()
    assert images.grad is not None and images.grad.abs().sum() > 0 and list(extractor.parameters()) == []


def test_the_score_is_as_published() -> None:
    text = torch.tensor([[1.0, 0.0], [0.0, 2.0], [-1.0, 0.0]])
    images = torch.tensor([[3.0, 4.0], [3.0, 4.0], [3.0, 4.0]])
    torch.testing.assert_close(clip_score(images, text), torch.tensor([60.0, 80.0, 0.0]))
    for other in (text[:2], text[:, :1], text[0]):
        with pytest.raises(ShapeError, match="expected two of the same 'n f'"):
            clip_score(images, other)


@present
def test_the_metric_is_the_mean_score_of_pairs(folder: Path, encoder: CLIPTextEncoder) -> None:
    metric = CLIPScore(model=str(folder)).to("cpu")
    images = _pictures(40, 40)
    each = clip_score(CLIPImageFeatures(model=str(folder))(images), encoder.encode(CAPTIONS[:2]))
    assert metric.score(images, CAPTIONS[:2]) == pytest.approx(float(each.mean()), abs=1e-3)
    many = metric.score(images.repeat(40, 1, 1, 1), CAPTIONS[:2] * 40)  # more than are judged at once
    assert many == pytest.approx(float(each.mean()), abs=1e-3)
    with pytest.raises(ShapeError, match="images and captions"):
        metric.look(images, CAPTIONS)
    assert "looking is a row for each picture" in check_metric(metric).checked


@present
def test_it_is_frozen_moves_and_stays_float32(folder: Path, encoder: CLIPTextEncoder) -> None:
    encoder.train().requires_grad_(True)
    assert list(encoder.parameters()) == [] and list(encoder.state_dict()) == ["fingerprint"]
    assert not any(p.requires_grad for p in encoder.network.parameters())
    assert not any(module.training for module in encoder.network.modules())
    before = encoder.encode(CAPTIONS)
    assert not before.requires_grad and not before.is_inference()
    assert torch.equal(encoder.half().encode(CAPTIONS), before)
    moved = CLIPTextEncoder(model=str(folder)).to("meta")
    assert moved.device.type == "meta" and {p.device.type for p in moved.network.parameters()} == {"meta"}


@present
def test_an_assembly_is_saved_by_its_hash_and_refuses_other_weights(folder: Path, tmp_path: Path) -> None:
    options = {"text_encoder.name": "clip", "text_encoder.model": str(folder), "generator.width": 2}
    made = assemble("ratgan-tiny", **options)
    made.save(tmp_path / "mine")
    saved, _ = read_safetensors(tmp_path / "mine" / "generator.safetensors")
    assert [name for name in saved if name.startswith("text_encoder")] == ["text_encoder.fingerprint"]
    again = load(tmp_path / "mine")
    assert again.generator.cond_dim == SHARED
    torch.testing.assert_close(again.sample(CAPTIONS, seed=1), made.sample(CAPTIONS, seed=1))
    recipe, other = tmp_path / "mine" / "recipe.toml", _make(tmp_path / "other", seed=2)
    recipe.write_text(recipe.read_text().replace(str(folder), str(other)))
    with pytest.raises(CheckpointError, match=r"^pretrained weights of CLIPTextEncoder: got sha256"):
        load(tmp_path / "mine")


@present
def test_what_is_not_whole_is_refused(folder: Path, tmp_path: Path) -> None:
    from safetensors.torch import load_file, save_file

    def spoilt(name: str) -> Path:
        return Path(shutil.copytree(folder, tmp_path / name))

    weights = load_file(folder / "model.safetensors")
    part = spoilt("part")
    kept = {key: value for key, value in weights.items() if key != "text_projection.weight"}
    save_file(kept, part / "model.safetensors", {"format": "pt"})
    with pytest.raises(CheckpointError, match=r"is not whole: got no fitting text_projection.weight"):
        CLIPTextEncoder(model=str(part))
    torn = spoilt("torn")
    (torn / "model.safetensors").write_bytes((folder / "model.safetensors").read_bytes()[:5000])
    with pytest.raises(CheckpointError, match=r"^CLIP model in .* cannot be read: got SafetensorError"):
        CLIPImageFeatures(model=str(torn))
    mute = spoilt("mute")
    for file in mute.glob("tokenizer*"):
        file.unlink()
    with pytest.raises(CheckpointError, match="cannot be read: got OSError no files of a tokenizer"):
        CLIPTextEncoder(model=str(mute))
    endless = spoilt("endless")
    config = json.loads((endless / "config.json").read_text())
    config["text_config"]["eos_token_id"] = 7
    (endless / "config.json").write_text(json.dumps(config))
    with pytest.raises(CheckpointError, match="the last of a text 7"):
        CLIPTextEncoder(model=str(endless))


@present
def test_where_it_comes_from_is_checked(folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(RatError, match=r"got no folder \./nowhere, expected a folder that save_pretrained wrote"):
        CLIPTextEncoder(model="./nowhere")
    with pytest.raises(RatError, match="a folder, with revision main"):
        CLIPTextEncoder(model=str(folder), revision="main")
    asked: list[object] = []

    def refuse(*args: object, **_: object) -> None:
        asked.append(args)
        raise OSError("no network here")

    monkeypatch.setattr(socket.socket, "connect", refuse)
    monkeypatch.setattr(socket, "getaddrinfo", refuse)
    CLIPTextEncoder(model=str(folder))
    import huggingface_hub

    monkeypatch.setattr(huggingface_hub.constants, "HF_HUB_OFFLINE", True)
    with pytest.raises(RatError, match=r"^CLIP model 'nobody/nothing' is not in .* hf download nobody/nothing"):
        pretrained("CLIPTokenizer", "nobody/nothing", None, what="the test")
    assert asked == []
