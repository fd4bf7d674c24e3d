"""A look inside a system: stopped recurrences, words by blocks, and where a discriminator looks."""

import copy
import html
import re

import attrs
import numpy as np
import pytest
import torch

from rat_modules.assembly import Assembly, assemble, draw_noise, load
from rat_modules.playing.asked import Noise, Shown
from rat_modules.playing.player import WORDS, Player
from rat_modules.reporting.insight import painted
from rat_modules.text.damsm import DAMSMTextEncoder

from ..plates import small_model

LOOKS = {"attention.name": "soft-threshold-attention"}


@pytest.fixture(scope="module")
def system(tmp_path_factory: pytest.TempPathFactory) -> Assembly:
    return load(small_model(tmp_path_factory.mktemp("model") / "small", **LOOKS))


@pytest.fixture(scope="module")
def player(system: Assembly) -> Player:
    return Player(system)


def small(shown: Shown) -> np.ndarray:
    return np.asarray(shown.picture).transpose(2, 0, 1)


def rows(table: str) -> dict[str, list[str]]:
    """A word of the table, and what stands in its cells."""
    lines = re.findall("<tr><th>([^<]+)</th>(.*?)</tr>", table)
    return {html.unescape(word): re.findall("<td[^>]*>([^<]+)</td>", cells) for word, cells in lines}


def test_inside(player: Player) -> None:
    stops = player.stopped("a plate", Noise(2))
    assert len(stops) == player.blocks and (small(stops[-1]) == small(player.draw("a plate", Noise(2))[0])).all()
    table = player.words("a <b>plate</b> of " + "soup " * 40)
    assert "<b>" not in table and "2. &lt;b&gt;plate&lt;/b&gt;" in table and len(rows(table)) == WORDS == 12


def test_words_are_taken_out_of_the_whole_caption(player: Player, system: Assembly) -> None:
    """The pictures are of all of it."""
    caption = " ".join(f"word{number}" for number in range(WORDS + 8))
    words, change = painted(system, draw_noise(1, system.generator.noise_dim, 3), caption)
    numbers = [[f"{each:.3f}" for each in row] for row in change.tolist()]
    expected = {f"{place + 1}. {words[place]}": numbers[place] for place in range(WORDS)}
    assert rows(player.words(caption, Noise(3))) == expected
    assert rows(player.words(" ".join(words[:WORDS]), Noise(3))) != expected


def test_a_word_without_which_nothing_is_known_is_marked(system: Assembly) -> None:
    """Of a closed vocabulary; the others have numbers, and the pictures are there."""
    encoder = DAMSMTextEncoder(["<end>", "plate", "red"], cond_dim=system.generator.cond_dim)
    torch.nn.init.normal_(encoder.encoder.weight, std=5)  # fresh ones are all but alike
    player = Player(attrs.evolve(system, text_encoder=encoder))
    said = player.words("a plate")
    table = rows(said)
    assert "the text encoder would know no word without it" in said
    assert table["1. a"] == ["0.000"] * player.blocks and table["2. plate"] == ["&ndash;"] * player.blocks
    assert len(player.stopped("a plate")) == player.blocks
    both = rows(player.words("red plate"))
    assert "would know no word" not in player.words("red plate")
    assert float(both["1. red"][0]) > 0 and float(both["2. plate"][0]) > 0


def test_noise_and_sentence_follow_the_generator(system: Assembly) -> None:
    """It may live on another device, or in another precision, than what is drawn; float64 stands for both here."""
    other = copy.deepcopy(system.generator).double()
    inside = Player(attrs.evolve(system, generator=other))
    assert len(inside.stopped("a plate")) == inside.blocks and "plate" in inside.words("a plate")


@pytest.mark.parametrize(("drawn", "looking"), [("double", "float"), ("float", "double"), ("float", "bfloat16")])
def test_picture_and_sentence_follow_the_discriminator(system: Assembly, drawn: str, looking: str) -> None:
    generator = getattr(copy.deepcopy(system.generator), drawn)()
    discriminator = getattr(copy.deepcopy(system.discriminator), looking)()
    player = Player(attrs.evolve(system, generator=generator, discriminator=discriminator))
    for one, other in zip(player.looked_at("a plate"), Player(system).looked_at("a plate"), strict=True):
        assert np.abs(small(one).astype(float) - small(other)).max() <= (8 if looking == "bfloat16" else 1)


def test_attention_where_there_is_one(player: Player) -> None:
    plain, dark = player.looked_at("a plate")
    assert player.looks and (small(dark) <= small(plain)).all()
    torch.manual_seed(0)
    blind = Player(assemble("ratgan-tiny", **{"attention.name": "none"}))
    assert not blind.looks and blind.looked_at("a plate") == []
