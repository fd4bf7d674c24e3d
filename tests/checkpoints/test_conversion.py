"""Published networks of any width and size compute the same after conversion; what does not fit is refused."""

import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor

from rat_modules.checkpoints.conversion import Conversion, convert
from rat_modules.errors import CheckpointError, RatError, UnknownNameError

from .. import published_style as published
from ..published_weights import given
from .published_files import captions_pickle, damsm, net_d, net_g

Files = Callable[..., Path]


@pytest.fixture
def saved(tmp_path: Path) -> Files:
    def save(state: dict[str, Tensor], name: str = "net.pth") -> Path:
        torch.save(state, tmp_path / name)
        return tmp_path / name

    return save


def close(ours: Tensor, theirs: Tensor) -> None:
    assert ours.shape == theirs.shape
    assert float((ours - theirs).norm()) <= 1e-5 * float(theirs.norm())


def facts(done: Conversion) -> dict[str, int]:
    return done.parts[0].facts


@pytest.mark.parametrize(
    ("width", "size", "seed", "affines"), [(1, 16, 3, 4), (3, 64, 5, 6), (2, 128, 6, 4), (1, 256, 7, 6), (1, 512, 8, 4)]
)
def test_generators_of_any_width_and_size(saved: Files, width: int, size: int, seed: int, affines: int) -> None:
    noise_dim, cond_dim, hidden_dim = 10 + seed, 20 + seed, 30 + seed
    state = net_g(width, size, seed, noise=noise_dim, sentence=cond_dim, hidden=hidden_dim)
    done = convert(generator=saved(state), family={4: "ratgan-released", 6: "ratgan-flower"}[affines])
    recognised = {"image_size": size, "width": width, "affines": affines, "cond_dim": cond_dim, "noise_dim": noise_dim}
    assert facts(done).items() >= (recognised | {"hidden_dim": hidden_dim}).items()
    generator = done.assembly.generator
    assert (generator.image_size, generator.cond_dim, generator.noise_dim) == (size, cond_dim, noise_dim)
    noise, sentence = given("z", (2, noise_dim), seed), given("s", (2, cond_dim), seed)
    close(generator(noise, sentence).detach(), published.generator(state, noise, sentence, affines).image)
    assert done.assembly.discriminator is done.assembly.text_encoder is None


@pytest.mark.parametrize("attention", [False, True], ids=["plain", "attention"])
@pytest.mark.parametrize(("width", "size", "seed"), [(1, 16, 3), (3, 64, 5), (2, 128, 6), (1, 256, 7), (1, 512, 8)])
def test_discriminators_of_any_width_and_size(saved: Files, width: int, size: int, seed: int, attention: bool) -> None:
    state = net_d(width, size, seed, sentence=24, attention=attention)
    # 512 px is the one size that an attention discriminator does not tell of itself: 256 px and an idle block fit too
    alone = size != 512 or not attention
    other = {} if alone else {"generator": saved(net_g(width, size, seed, sentence=24, hidden=8), "netG.pth")}
    done = convert(discriminator=saved(state), **other)
    assert done.family.name == ("ratgan-released-attention" if attention else "ratgan-released")
    discriminator = done.assembly.discriminator
    assert (discriminator.image_size, discriminator.width, discriminator.cond_dim) == (size, width, 24)
    images, sentence = given("image", (2, 3, size, size), seed), given("s", (2, 24), seed)
    scores = discriminator(images, sentence)
    at = published.features(state, images)
    if attention:
        logits, weights, _ = published.attended_logits(state, at, sentence, published=True)
        close(scores.attention.detach(), weights)
    else:
        logits = published.logits(state, at, sentence)
    close(scores.logits.detach(), logits)


def test_an_idle_block_beside_attention_is_dropped(saved: Files) -> None:
    for size in (64, 256):
        state = net_d(1, size, 1, sentence=8, attention=True)
        idle = size.bit_length() - 4
        extra = {
            name: tensor for name, tensor in net_d(1, 512, 1, sentence=8).items() if name.startswith(f"block{idle}.")
        }
        assert extra and not extra.keys() & state.keys()
        done = convert(discriminator=saved(state | extra))
        assert facts(done)["image_size"] == size
        assert set(done.parts[0].fit.unused) >= extra.keys()


def test_parts_that_do_not_belong_together(saved: Files, tmp_path: Path) -> None:
    generator = saved(net_g(1, 16, 1, sentence=8, hidden=8), "netG.pth")
    with pytest.raises(CheckpointError, match="do not belong together: got cond_dim 8 and 10"):
        convert(generator=generator, discriminator=saved(net_d(1, 16, 1, sentence=10)))
    with pytest.raises(CheckpointError, match="do not belong together: got image_size 16 and 32"):
        convert(generator=generator, discriminator=saved(net_d(1, 32, 1, sentence=8)))
    with pytest.raises(
        CheckpointError, match="networks and text encoder do not belong together: got cond_dim 8 and 12"
    ):
        convert(generator=generator, text_encoder=saved(damsm(5, 12)), captions=captions_pickle(tmp_path / "c", 5))
    done = convert(generator=generator, discriminator=saved(net_d(3, 16, 1, sentence=8)))
    assert done.assembly.discriminator.width == 3 and done.assembly.generator.width == 1


def test_text_encoders_of_any_width(saved: Files, tmp_path: Path) -> None:
    done = convert(text_encoder=saved(damsm(5, 12)), captions=captions_pickle(tmp_path / "captions.pickle", 5))
    assert facts(done) == {"words": 5, "embedding_dim": 7, "cond_dim": 12}
    assert done.assembly.text_encoder.encode(["word1 word4"]).shape == (1, 12)


@pytest.mark.parametrize(
    ("change", "problem"),
    [
        ({"encoder.weight": None}, "--text-encoder .*expected DAMSM text encoder"),
        ({"rnn.bias_hh_l0": None}, "rnn.bias_hh_l0: got none"),
        ({"rnn.extra": torch.ones(1)}, "rnn.extra: got "),
        ({"encoder.weight": torch.ones(6, 7)}, "got 5 words, expected 6"),
        ({"encoder.weight": torch.ones(5, 7).long()}, "encoder.weight is .5, 7. of int64"),
    ],
)
def test_text_encoders_that_are_refused(
    saved: Files, tmp_path: Path, change: dict[str, Tensor | None], problem: str
) -> None:
    state = {name: tensor for name, tensor in (damsm(5, 12) | change).items() if tensor is not None}
    with pytest.raises(CheckpointError, match=problem):
        convert(text_encoder=saved(state), captions=captions_pickle(tmp_path / "captions.pickle", 5))


def test_captions_and_text_encoder_come_together(saved: Files, tmp_path: Path) -> None:
    with pytest.raises(CheckpointError, match="--text-encoder without --captions"):
        convert(text_encoder=saved(damsm(5, 12)))
    with pytest.raises(CheckpointError, match="--captions without --text-encoder"):
        convert(captions=captions_pickle(tmp_path / "captions.pickle", 5))
    with pytest.raises(CheckpointError, match="nothing to convert"):
        convert()


SMALL = {"noise": 5, "sentence": 6, "hidden": 7}


@pytest.mark.parametrize(
    ("change", "problem"),
    [
        ({"block1.c1.weight": None}, r"1 missing: block1.c1.weight, expected \d+ tensors"),
        (
            {"block1.c1.weight": None, "block1.c1.wieght": torch.ones(1)},
            r"1 missing: block1.c1.weight \(near: .*wieght\)",
        ),
        ({"lstm.V": torch.ones(1)}, "1 unexpected: lstm.V"),
        ({"block0.affine4.more.bias": torch.ones(1)}, "1 unexpected: block0.affine4.more.bias"),
        ({"block0.lstm.V": torch.ones(1)}, "1 unexpected: lstm.V"),
        (
            {"conv_img.1.weight": torch.ones(3, 4, 3, 3)},
            r"1 wrong: conv_img.1.weight is \(3, 4, 3, 3\), expected \(3, 2, ",
        ),
        ({"fc.bias": torch.ones(16, 16)}, r"1 wrong: fc.bias is \(16, 16\), expected "),
        ({"fc.bias": torch.ones(128).int()}, r"1 wrong: fc.bias is \(128,\) of int32, expected \(128,\)"),
        ({"block2.lstm.W": torch.ones(6, 28)}, "block2.lstm.W differs from lstm.W"),
        ({f"block{n}.x": torch.ones(1) for n in range(3, 9)}, "blocks of the generator: got 9, expected from 3 to 8"),
        ({f"fc.{n}": torch.ones(1) for n in range(9)}, r"9 unexpected: fc.0, .*, fc.5 and 3 more"),
    ],
)
def test_generators_that_are_refused(saved: Files, change: dict[str, Any], problem: str) -> None:
    state = {name: tensor for name, tensor in (net_g(2, 16, 1, **SMALL) | change).items() if tensor is not None}
    with pytest.raises(CheckpointError, match=problem) as refusal:
        convert(generator=saved(state))
    assert "\n" not in str(refusal.value) and len(str(refusal.value)) < 1000


@pytest.mark.parametrize("bit", [0, 1, 31])
def test_an_alias_that_differs_in_one_bit_is_refused(saved: Files, bit: int) -> None:
    state = net_g(1, 16, 1, **SMALL)
    other = state["block1.lstm.U"].clone()
    other.view(torch.int32)[3, 3] ^= 1 << bit if bit < 31 else -(1 << 31)
    with pytest.raises(CheckpointError, match=r"block1.lstm.U differs from lstm.U: got two tensors"):
        convert(generator=saved(state | {"block1.lstm.U": other}))


def test_one_name_of_the_controller_is_enough(saved: Files) -> None:
    state = net_g(1, 16, 1, **SMALL)
    once = {name: tensor for name, tensor in state.items() if "lstm." not in name or name.startswith("block1.lstm.")}
    whole, thin = convert(generator=saved(state)), convert(generator=saved(once))
    ours, theirs = (done.assembly.generator.state_dict() for done in (whole, thin))
    assert all(torch.equal(ours[name], theirs[name]) for name in ours)


def test_numbers_that_a_person_should_know_of(saved: Files) -> None:
    half = {name: tensor.half() for name, tensor in net_g(1, 16, 1, **SMALL).items()}
    half["fc.bias"][0], half["fc.weight"][0, 0] = float("nan"), float("inf")
    done = convert(generator=saved(half))
    assert {t.dtype for t in done.assembly.generator.state_dict().values()} == {torch.float32}
    assert "holds float16 numbers, written as float32" in done.parts[0].notes
    assert "2 of its tensors hold NaN or infinite numbers" in done.parts[0].notes


def test_four_or_six_affines(saved: Files) -> None:
    """The names cannot tell; affines that never ran are at their initial values, and that is said."""
    trained = net_g(1, 16, 1, **SMALL)
    fresh = dict(trained)
    for name in trained:
        if re.search(r"affine[45].*linear2", name):
            fresh[name] = torch.full_like(trained[name], float("fc_gamma" in name and "bias" in name))
    suspicions = {}
    for state, what in ((trained, "trained"), (fresh, "fresh")):
        for family in (None, "ratgan-released", "ratgan-flower"):
            done = convert(generator=saved(state), family=family)
            assert done.assembly.generator.affines == (6 if family == "ratgan-flower" else 4)
            assert any("--family ratgan-flower" in note for note in done.notes) == (family is None)
            suspicions[what, family] = " ".join(done.parts[0].notes)
    assert "try --family ratgan-flower" in suspicions["trained", None]
    assert "try --family ratgan-released" in suspicions["fresh", "ratgan-flower"]
    assert suspicions["fresh", None] == suspicions["trained", "ratgan-flower"] == ""


def names(*keys: str) -> dict[str, Tensor]:
    return {key: torch.ones(1) for key in keys}


@pytest.mark.parametrize(
    ("part", "state", "family", "problem"),
    [
        (
            "generator",
            names("GBlocks.0.c1.weight", "fc.weight"),
            None,
            "got DF-GAN generator, .* not convert the dfgan",
        ),
        ("discriminator", names("DBlocks.0.gamma"), None, "got DF-GAN discriminator, .* not convert the dfgan"),
        ("generator", names("joint_conv.0.weight"), None, "got DF-GAN logit head"),
        ("generator", names("block0.affine0.fc_gamma.x", "conv_img.1.weight"), None, "got DF-GAN generator"),
        ("generator", names("conv_mask.0.weight", "block0.gamma"), None, "SSA-GAN generator.* not convert the ssagan"),
        ("generator", net_d(1, 16, 1), None, "got RAT-GAN discriminator, .*give it as --discriminator"),
        ("discriminator", net_g(1, 16, 1), "ratgan-flower", "got RAT-GAN generator, .*give it as --generator"),
        ("generator", damsm(5, 4), None, "got DAMSM text encoder, .*give it as --text-encoder"),
        ("generator", names("blocks.0.fuse1.a", "controller.cell.bias"), None, "is converted already"),
        (
            "generator",
            names("conv1.weight", "bn1.weight"),
            None,
            "no published generator known here: got 2 tensors: conv1",
        ),
        (
            "discriminator",
            net_d(1, 64, 1, attention=True),
            "ratgan-released",
            "choose --family ratgan-released-attention",
        ),
        (
            "discriminator",
            net_d(1, 64, 1, attention=True),
            "ratgan-flower",
            "choose --family ratgan-released-attention",
        ),
        ("discriminator", net_d(1, 64, 1), "ratgan-released-attention", "choose --family ratgan-released or "),
    ],
)
def test_files_of_another_kind(
    saved: Files, part: str, state: dict[str, Tensor], family: str | None, problem: str
) -> None:
    with pytest.raises(CheckpointError, match=problem):
        convert(**{part: saved(state)}, family=family)


def test_a_family_that_nobody_knows(saved: Files) -> None:
    file = saved(net_g(1, 16, 1, **SMALL))
    with pytest.raises(UnknownNameError, match=r"expected one of ratgan-released, .*did you mean 'ratgan-flower'"):
        convert(generator=file, family="ratgan_flowers")
    with pytest.raises(RatError, match="this version converts no other"):
        convert(generator=file, family="dfgan")
