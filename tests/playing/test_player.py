"""What visitors ask and hostile ones send: answers depend on their question alone."""

import copy
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import attrs
import numpy as np
import pytest

from rat_modules.assembly import Assembly, load
from rat_modules.errors import RatError
from rat_modules.playing.asked import LONGEST, Noise, Shown
from rat_modules.playing.player import Player
from rat_modules.sampling.draw import draw_captions, mix_captions

from ..plates import small_model


@pytest.fixture(scope="module")
def system(tmp_path_factory: pytest.TempPathFactory) -> Assembly:
    return load(small_model(tmp_path_factory.mktemp("model") / "small"))


@pytest.fixture(scope="module")
def player(system: Assembly) -> Player:
    return Player(system)


def small(shown: Shown) -> np.ndarray:
    return np.asarray(shown.picture).transpose(2, 0, 1)


def test_pictures_are_those_of_sample(player: Player, system: Assembly) -> None:
    drawn = player.draw("a plate", Noise(5, 0.5), count=3)
    expected = draw_captions(system, ["a plate"], count=3, seed=5, strength=0.5).pixels.numpy()
    assert all((small(shown) == pixels).all() for shown, pixels in zip(drawn, expected, strict=True))
    chosen, *depths = player.mix("a plate", "a spoon", 3, Noise(5))
    assert (small(chosen) == mix_captions(system, "a plate", "a spoon", at=[3], seed=5).pixels[0].numpy()).all()
    assert (small(depths[0]) == small(player.draw("a spoon", Noise(5))[0])).all(), "B from step 0 on"
    assert (small(depths[-1]) == small(player.draw("a plate", Noise(5))[0])).all(), "B never"
    walk = player.between_captions("a plate", "a spoon", 4, Noise(5))
    assert (small(walk[-1]) == small(depths[0])).all() and len(walk) == 4
    assert len(player.between_noises("a plate", 4)) == 4


def test_visitors_at_once_do_not_mix(player: Player) -> None:
    questions = [(f"plate number {number}", Noise(number)) for number in range(24)]
    alone = [small(player.draw(*question)[0]) for question in questions]
    with ThreadPoolExecutor(8) as visitors:
        together = list(visitors.map(lambda question: small(player.draw(*question)[0]), questions * 3))
    assert all((one == other).all() for one, other in zip(alone * 3, together, strict=True))


@pytest.mark.parametrize(
    "caption", ["a plate " * 125, "a\x00\x1b[31m plate\u202e", "🍎🍏 👩🏽‍🔬", "תפוח אדום", "<script>"]
)
def test_odd_captions_are_drawn(player: Player, caption: str) -> None:
    assert len(player.draw(caption)) == 1
    player.unknown_words(caption)


@pytest.mark.parametrize(
    ("caption", "told"),
    [
        ("", "caption 1 is empty"),
        ("\x00 \x1b", "is empty"),
        ("x" * 10_000, f"got 10,000 characters, expected {LONGEST:,}"),
    ],
)
def test_others_are_refused(player: Player, caption: str, told: str) -> None:
    for ask in (player.draw, player.stopped, player.words, player.looked_at, player.unknown_words):
        with pytest.raises(RatError, match=told):
            ask(caption)


def test_numbers_that_no_slider_sends(player: Player) -> None:
    for noise in (Noise(-1), Noise(2**70), Noise(1, -0.1), Noise(1, float("nan"))):
        with pytest.raises(RatError, match=r"seed|strength"):
            player.draw("a plate", noise)
        with pytest.raises(RatError, match=r"seed|strength"):
            player.stopped("a plate", noise)
    with pytest.raises(RatError, match="pictures: got 17, expected 1 to 16"):
        player.draw("a plate", count=17)
    with pytest.raises(RatError, match="frames: got 1, expected 2 to 16"):
        player.between_captions("a", "b", 1)
    with pytest.raises(RatError, match="--at: got 99"):
        player.mix("a", "b", 99)


def test_what_cannot_draw(system: Assembly) -> None:
    with pytest.raises(RatError, match="a system to play with: got no text_encoder"):
        Player(attrs.evolve(system, text_encoder=None))


def test_a_model_that_draws_no_numbers_says_so(system: Assembly) -> None:
    broken = attrs.evolve(system, generator=copy.deepcopy(system.generator))
    next(broken.generator.parameters()).data.fill_(float("nan"))
    player = Player(broken)
    asked = [player.draw, player.stopped, player.looked_at]
    asked += [lambda one: player.mix(one, one, 1), lambda one: player.between_captions(one, one, 2)]
    for ask in [*asked, lambda one: player.between_noises(one, 2)]:
        with pytest.raises(RatError, match=r"^this model draws no numbers: got NaN or infinity, expected pictures; "):
            ask("a plate")


def test_another_generator_has_no_recurrence_to_stop(system: Assembly) -> None:
    class Other:
        steps, noise_dim, image_size = 1, 4, 16

    other = Player(attrs.evolve(system, generator=Other()))
    assert other.blocks is None
    with pytest.raises(RatError, match="blocks to stop at: got Other, expected RAT-GAN's generator"):
        other.stopped("a plate")


def test_captions_beside_the_weights_are_examples(tmp_path: Path) -> None:
    from rat_modules.cli.demo import _captions_beside

    model = small_model(tmp_path / "small")
    assert _captions_beside(model) == []
    (model / "captions.txt").write_text("a plate\na spoon\n", encoding="utf-8")
    assert _captions_beside(model) == _captions_beside(model / "generator.safetensors") == ["a plate", "a spoon"]
