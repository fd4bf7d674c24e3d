"""Stopped recurrences, words and blocks, ways of hidden states, attention: each against its plain statement."""

import pytest
import torch

from rat_modules.assembly import Assembly, assemble, draw_noise
from rat_modules.reporting.insight import attended, frozen, painted, trajectory


@pytest.fixture(scope="module")
def assembly() -> Assembly:
    torch.manual_seed(0)
    open_gates = {"generator.gate_init": 1.0, "discriminator.gate_init": 1.0}
    small = {"generator.width": 2, "generator.image_size": 16, "controller.hidden_dim": 8}
    made = assemble("ratgan-tiny", **{**small, **open_gates, "attention.name": "soft-threshold-attention"})
    for name, parameter in made.generator.named_parameters():
        if "to_gamma" in name or "to_beta" in name:
            torch.nn.init.normal_(parameter)
    made.generator.eval()
    return made


def test_the_last_picture_is_the_whole_and_the_first_hears_one_block(assembly: Assembly) -> None:
    generator, noise = assembly.generator, draw_noise(1, assembly.generator.noise_dim, 0)
    sentence = assembly.encode(["a large red circle"])
    images = frozen(generator, noise, sentence)
    assert len(images) == len(generator.blocks)
    torch.testing.assert_close(images[-1:], generator(noise, sentence))
    hidden = generator.plan(noise, sentence).hidden
    each = generator.steps // len(generator.blocks)
    still = torch.cat([hidden[:each], hidden[each - 1 : each].expand(generator.steps - each, -1, -1)])
    torch.testing.assert_close(images[:1], generator.render(noise, generator.plan_from(still)))
    assert not torch.allclose(images[0], images[-1])


def test_a_words_change_is_that_of_the_block_which_does_not_hear_it(assembly: Assembly) -> None:
    generator, noise = assembly.generator, draw_noise(1, assembly.generator.noise_dim, 0)
    words, change = painted(assembly, noise, "large red circle")
    assert words == ["large", "red", "circle"] and change.shape == (3, len(generator.blocks))
    full, without = assembly.encode(["large red circle", "large circle"])
    sentence = full.expand(generator.steps, 1, -1).clone()
    each = generator.steps // len(generator.blocks)
    sentence[2 * each : 3 * each] = without
    with torch.no_grad():
        moved = generator(noise, sentence) - generator(noise, full[None])
    assert float(change[1, 2]) == pytest.approx(float(moved.abs().mean()), rel=1e-3)
    assert change.min() > 0


def test_one_word_has_no_numbers(assembly: Assembly) -> None:
    words, change = painted(assembly, draw_noise(1, assembly.generator.noise_dim, 0), "circle")
    assert words == ["circle"] and change.isnan().all(), "a caption without words says nothing that could be compared"


def test_the_first_words_are_those_of_the_whole_caption(assembly: Assembly) -> None:
    noise = draw_noise(1, assembly.generator.noise_dim, 0)
    words, change = painted(assembly, noise, "large red circle", most=2)
    assert words == ["large", "red"]
    torch.testing.assert_close(change, painted(assembly, noise, "large red circle")[1][:2])


def test_the_plane_holds_what_it_says(assembly: Assembly) -> None:
    noise = draw_noise(3, assembly.generator.noise_dim, 0)
    sentence = assembly.encode(["a large red circle", "a small blue square", "a green cross"])
    way = trajectory(assembly.generator, noise, sentence)
    hidden = assembly.generator.plan(noise, sentence).hidden.detach()
    assert way.points.shape == (3, assembly.generator.steps, 2)
    spread = (hidden - hidden.mean((0, 1))).square().sum()
    assert way.explained == pytest.approx(float(way.points.square().sum() / spread.detach()), rel=1e-3)
    assert 0 < way.explained <= 1 + 1e-6


def test_attention_is_shown_at_the_size_of_the_pictures(assembly: Assembly) -> None:
    images, sentence = torch.randn(2, 3, 16, 16), assembly.encode(["a circle", "a cross"])
    looked = attended(assembly, images, sentence)
    assert looked.shape == (2, 1, 16, 16) and looked.min() >= 0 and looked.max() <= 1
    blind = assemble("ratgan-tiny", **{"generator.image_size": 16, "generator.width": 2, "attention.name": "none"})
    assert attended(blind, images, blind.encode(["a circle", "a cross"])) is None
