"""Captions to pictures."""

import numpy as np
import pytest
import torch

from rat_modules import Assembly, assemble
from rat_modules.assembly import draw_noise
from rat_modules.errors import RatError, ShapeError


@pytest.fixture(scope="module")
def assembly() -> Assembly:
    return assemble("ratgan", **{"generator.width": 2, "generator.image_size": 16, "generator.gate_init": 1.0})


def test_a_seed_fixes_the_pictures(assembly: Assembly) -> None:
    captions = ["a red circle", "a blue square"]
    first = assembly.sample(captions, seed=1)
    assert first.shape == (2, 3, 16, 16)
    assert first.abs().max() <= 1
    assert torch.equal(first, assembly.sample(captions, seed=1))
    assert not torch.equal(first, assembly.sample(captions, seed=2))
    assert not torch.equal(assembly.sample(captions), assembly.sample(captions))


def test_given_noise_is_used(assembly: Assembly) -> None:
    noise = torch.randn(1, assembly.generator.noise_dim)
    first, second = assembly.sample("a red circle", noise=noise), assembly.sample(["a red circle"], noise=noise)
    assert torch.equal(first, second)
    with pytest.raises(RatError, match="both seed= and noise="):
        assembly.sample("a red circle", seed=1, noise=noise)


@pytest.mark.parametrize("dtype", [torch.float64, torch.bfloat16])
def test_sampling_follows_the_generators_precision(dtype: torch.dtype) -> None:
    other = assemble("ratgan-tiny", **{"generator.image_size": 16, "generator.width": 2})
    other.generator.to(dtype)
    assert other.sample("a red circle", seed=0).dtype == dtype


def test_sampling_leaves_the_generator_in_its_mode(assembly: Assembly) -> None:
    assembly.generator.train()
    assembly.sample("a red circle")
    assert assembly.generator.training


def test_sampling_leaves_frozen_parts_in_theirs(assembly: Assembly) -> None:
    assembly.generator.train()
    assembly.generator.blocks[0].eval()
    assembly.sample("a red circle")
    modes = {module.training for module in assembly.generator.blocks[0].modules()}
    assert modes == {False} and assembly.generator.training and assembly.generator.blocks[1].training
    assembly.generator.train()


def test_pictures_are_drawn_a_few_at_once(assembly: Assembly) -> None:
    batches = []
    hook = assembly.generator.register_forward_pre_hook(lambda _, inputs: batches.append(len(inputs[0])))
    noise, sentence = torch.randn(70, assembly.generator.noise_dim), torch.randn(70, assembly.generator.cond_dim)
    steps = sentence.expand(assembly.generator.steps, -1, -1)
    pictures, stepwise = assembly.render(noise, sentence), assembly.render(noise, steps)
    hook.remove()
    assert batches == [64, 6, 64, 6]
    with torch.no_grad():
        whole = assembly.generator.eval()(noise, sentence)
    torch.testing.assert_close(pictures, whole, rtol=0, atol=1e-5)
    torch.testing.assert_close(stepwise, whole, rtol=0, atol=1e-5)
    assert assembly.render(noise[:0], sentence[:0]).shape == (0, 3, 16, 16)


@pytest.mark.parametrize("noises", [64, 71])
def test_a_noise_for_every_caption(assembly: Assembly, noises: int) -> None:
    with pytest.raises(ShapeError, match=rf"noise \({noises}, 100\) and sentence \(70, 256\)"):
        assembly.sample(["a red circle"] * 70, noise=torch.randn(noises, 100))


def test_an_empty_caption_is_refused(assembly: Assembly) -> None:
    with pytest.raises(RatError, match="caption"):
        assembly.sample(["a red circle", "  "])


@pytest.mark.parametrize("caption", ["a red \udcff\udcfe circle", "\ud800"])
def test_a_caption_that_is_no_text_is_refused(assembly: Assembly, caption: str) -> None:
    for draw in (assembly.sample, assembly.encode):
        with pytest.raises(RatError, match=r"caption 2 is not valid text: got .*expected text in UTF-8; "):
            draw(["a red circle", caption])


@pytest.mark.parametrize("caption", ["a\0b", "\x1b[31mred\x07", "\u202ea \ufffe red \U0001f600"])
def test_control_characters_are_text(assembly: Assembly, caption: str) -> None:
    assert assembly.sample([caption]).isfinite().all()


@pytest.mark.parametrize("seed", [1.5, -1, 2**63, "1"])
def test_seeds_that_are_none(assembly: Assembly, seed: object) -> None:
    with pytest.raises(RatError, match=r"seed: got .*, expected a whole number from 0 to 2\^63 - 1"):
        assembly.sample("a red circle", seed=seed)


def test_seeds_of_other_libraries(assembly: Assembly) -> None:
    assert torch.equal(draw_noise(2, 4, np.int64(3)), draw_noise(2, 4, 3))
    assert draw_noise(1, 4, 2**63 - 1).isfinite().all()


@pytest.mark.parametrize("noise_dim", [1, 16, 100])
def test_noise_of_a_picture_does_not_depend_on_how_many_are_drawn(noise_dim: int) -> None:
    many = draw_noise(5, noise_dim, seed=3)
    assert many.shape == (5, noise_dim)
    for count in range(1, 5):
        assert torch.equal(draw_noise(count, noise_dim, seed=3), many[:count])
    assert 0.8 < draw_noise(1000, noise_dim, seed=3).std() < 1.2
