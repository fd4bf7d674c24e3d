"""`rat-modules convert`, from published files to the published figures, through the real command."""

import os
import pickle
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor

import rat_modules
from rat_modules import Assembly
from rat_modules.assembly.placing import place
from rat_modules.checkpoints.conversion import convert
from rat_modules.checkpoints.families import FAMILIES
from rat_modules.cli.convert import command

from ..checkpoints.published_files import caption, captions_pickle, facts, figures, golden, net_d, net_g
from ..published_weights import given

Run = Callable[..., Any]
SMALL = {"noise": 5, "sentence": 6, "hidden": 7}


def write(path: Path, state: Any, **options: Any) -> Path:
    torch.save(state, path, **options)
    return path


def close(ours: Tensor, theirs: Tensor) -> None:
    theirs = theirs.reshape(ours.shape)
    assert float((ours.detach() - theirs).norm()) <= 1e-5 * float(theirs.norm())


def inputs(name: str) -> tuple[Tensor, Tensor, Tensor]:
    batch, seed = facts(name)["batch"], facts(name)["seed"]
    shapes = {"z": (batch, 100), "s": (batch, 256), "image": (batch, 3, 256, 256)}
    noise, sentence, images = (given(key, shape, seed) for key, shape in shapes.items())
    return noise, sentence, images


def check(model: Assembly, name: str) -> None:
    """The generator's picture and hidden states, and the logits without attention, are those of the golden file."""
    noise, sentence, images = inputs(name)
    theirs = figures(name)
    plan = model.generator.plan(noise, sentence)
    close(plan.hidden, theirs["G.context"])
    picture = model.generator.render(noise, plan)
    close(picture, theirs["G.image"])
    if model.recipe.attention.name == "none":
        features = model.discriminator.features(images)
        close(features, theirs["D.features"])
        close(model.discriminator.head(features, sentence).logits, theirs["D.logits"])
        close(model.discriminator.head(features[:-1], sentence[1:]).logits, theirs["D.logits_mismatch"])
        close(model.discriminator(picture, sentence).logits, theirs["D.logits_fake"])


def test_birds_with_published_prefix_and_format(run: Run, tmp_path: Path) -> None:
    netG = write(tmp_path / "netG.pth", golden("ratgan", "netG"))
    netD = {f"module.{key}": tensor for key, tensor in golden("ratgan", "netD").items()}
    netD_file = write(tmp_path / "netD.pth", netD, _use_new_zipfile_serialization=False)
    done = run("convert", "--generator", netG, "--discriminator", netD_file, "--out", tmp_path / "birds")
    assert (done.returncode, done.stderr) == (0, "")
    model = rat_modules.load(tmp_path / "birds")
    assert model.text_encoder is None and model.recipe.name == "ratgan-released"
    check(model, "ratgan")
    said = done.stdout
    assert "recognised ratgan-released" in said and "276 of 465 tensors taken" in said
    assert "image_size 256, width 4, affines 4, cond_dim 256, noise_dim 100, hidden_dim 256, steps 28" in said
    assert "repeated: block0-6.lstm (49 tensors)" in said and "unused: block4-5.conv_s (4 tensors)" in said
    assert "unused: block0-6.affine4, block0-6.affine5, block0-6.fea_l, block0-6.fea_ll (140 tensors)" in said
    assert re.search(r"cannot tell ratgan-released .* choose with --family ratgan-flower", said)


def test_flowers(run: Run, tmp_path: Path) -> None:
    files = {net: write(tmp_path / f"{net}.pth", golden("ratgan_flower", net)) for net in ("netG", "netD")}
    words = ("--generator", files["netG"], "--discriminator", files["netD"], "--family", "ratgan-flower")
    done = run("convert", *words, "--out", tmp_path / "flowers")
    assert (done.returncode, done.stderr) == (0, "")
    assert "steps 42" in done.stdout and "unused: block0-6.fea_l, block0-6.fea_ll (28 tensors)" in done.stdout
    assert "cannot tell" not in done.stdout
    check(rat_modules.load(tmp_path / "flowers"), "ratgan_flower")


@pytest.mark.parametrize("idle", [True, False], ids=["block5 there", "block5 gone"])
def test_discriminator_with_attention(run: Run, tmp_path: Path, idle: bool) -> None:
    state = {key: tensor for key, tensor in golden("ratgan", "att").items() if idle or not key.startswith("block5.")}
    file = write(tmp_path / "netD.pth", {"netD": state, "epoch": 600})
    done = run("convert", "--discriminator", file, "--out", tmp_path / "model")
    assert (done.returncode, done.stderr) == (0, "")
    assert "recognised ratgan-released-attention" in done.stdout and "not read: epoch" in done.stdout
    model = rat_modules.load(tmp_path / "model")
    assert model.generator is None and model.text_encoder is None
    _, sentence, images = inputs("ratgan")
    theirs, scores = figures("ratgan"), model.discriminator(images, sentence)
    close(scores.attention, theirs["att.map"])
    close(scores.logits, theirs["att.logits"])


def test_generator_and_text_encoder_draw_from_captions(run: Run, tmp_path: Path) -> None:
    text = write(tmp_path / "text.pth", golden("damsm", "rnn"), _use_new_zipfile_serialization=False)
    words = ["--text-encoder", text, "--captions", captions_pickle(tmp_path / "captions.pickle", 120)]
    words += ["--generator", write(tmp_path / "netG.pth", net_g(1, 64, 3))]
    done = run("convert", *words, "--family", "ratgan-released", "--out", tmp_path / "model")
    assert (done.returncode, done.stderr) == (0, "")
    assert "words 120, embedding_dim 300, cond_dim 256" in done.stdout

    model = rat_modules.load(tmp_path / "model")
    theirs = figures("damsm")
    captions = [caption(row[:length]) for row, length in zip(theirs["captions"], theirs["lengths"], strict=True)]
    close(model.text_encoder.encode(captions), theirs["sentence"])
    assert model.text_encoder.unknown_words(["word7 word777"]) == ["word777"]
    noise = given("z", (len(captions), 100), 3)
    close(model.sample(captions, noise=noise), model.generator(noise, theirs["sentence"]).detach())
    # the generator's file alone carries words and text encoder too
    alone = rat_modules.load(tmp_path / "model" / "generator.safetensors")
    assert torch.equal(alone.sample(captions[:1], seed=1), model.sample(captions[:1], seed=1))


def test_text_encoder_alone(run: Run, tmp_path: Path) -> None:
    text = write(tmp_path / "text.pth", {f"module.{key}": tensor for key, tensor in golden("damsm", "rnn").items()})
    captions = captions_pickle(tmp_path / "captions.pickle", 120)
    assert run("convert", "--text-encoder", text, "--captions", captions, "--out", tmp_path / "t").returncode == 0
    model = rat_modules.load(tmp_path / "t")
    assert model.generator is None and model.discriminator is None
    assert model.text_encoder.encode(["word3 word5"]).shape == (1, 256)


def test_equal_files_give_equal_folders(run: Run, tmp_path: Path) -> None:
    words = ["--generator", write(tmp_path / "netG.pth", net_g(1, 16, 3))]
    words += ["--discriminator", write(tmp_path / "netD.pth", net_d(2, 16, 3))]
    words += ["--text-encoder", write(tmp_path / "text.pth", golden("damsm", "rnn"))]
    words += ["--captions", captions_pickle(tmp_path / "captions.pickle", 120)]
    contents = []
    for name in "ab":
        assert run("convert", *words, "--out", tmp_path / name).returncode == 0
        contents.append({file.name: file.read_bytes() for file in (tmp_path / name).iterdir()})
    assert contents[0] == contents[1]
    assert contents[0].keys() == {"recipe.toml", "generator.safetensors", "discriminator.safetensors"}


def test_an_occupied_folder_is_replaced_only_when_told(run: Run, refused: Run, tmp_path: Path) -> None:
    out = tmp_path / "model"
    place(convert(generator=write(tmp_path / "1.pth", net_g(1, 16, 3, **SMALL))).assembly, out)
    words = ("convert", "--generator", write(tmp_path / "2.pth", net_g(2, 16, 3, **SMALL)), "--out", out)
    assert "--force" in refused(*words)
    assert rat_modules.load(out).generator.width == 1
    assert run(*words, "--force").returncode == 0
    assert rat_modules.load(out).generator.width == 2


class Hostile:
    def __init__(self, path: Path) -> None:
        self.path = path

    def __reduce__(self) -> tuple[Any, ...]:
        return os.system, (f"touch {self.path}",)


def test_refusals_are_one_line_and_leave_nothing(refused: Run, tmp_path: Path) -> None:
    state = net_g(1, 16, 3, **SMALL)
    whole = write(tmp_path / "whole.pth", state)
    hostile = write(tmp_path / "hostile.pth", {"lstm.W": Hostile(tmp_path / "witness")})
    (tmp_path / "half.pth").write_bytes(whole.read_bytes()[: whole.stat().st_size // 2])
    misspelt = {key.replace("block1.c1.weight", "block1.c1.wieght"): tensor for key, tensor in state.items()}
    write(tmp_path / "misspelt.pth", misspelt)
    text = write(tmp_path / "text.pth", golden("damsm", "rnn"))
    evil = tmp_path / "captions.pickle"
    evil.write_bytes(pickle.dumps(Hostile(tmp_path / "witness")))
    before = sorted(tmp_path.iterdir())

    out = ("--out", tmp_path / "model")
    for words, problem in [
        (("--generator", hostile), r"hostile.pth is refused: got a pickle that names \w+.system"),
        (("--text-encoder", text, "--captions", evil), r"captions.pickle is refused: it names \w+.system"),
        (("--discriminator", tmp_path / "half.pth"), "truncated or not a .pth file"),
        (("--generator", tmp_path / "misspelt.pth"), "1 missing: block1.c1.weight .near: block1.c1.wieght"),
        ((), "nothing to convert"),
    ]:
        assert re.search(problem, refused("convert", *words, *out)), words
    assert sorted(tmp_path.iterdir()) == before, "no folder, no scratch, no witness"


def test_the_help_names_every_family() -> None:
    (said,) = [option.help for option in command.params if option.name == "family"]
    assert said == ", ".join(FAMILIES) + "."
