"""The key tables: every published name has one meaning, and the names of our networks are all there."""

import pytest
import torch

from rat_modules.checkpoints.published_keys import KeyMap, ratgan_discriminator, ratgan_generator
from rat_modules.layers.attention import SoftThresholdAttention
from rat_modules.layers.controller import RecurrentController
from rat_modules.models.discriminator import RATDiscriminator
from rat_modules.models.generator import RATGenerator

from .published_files import golden

CASES = [
    ("ratgan", "netG", ratgan_generator(4), (276, 49, 140)),
    ("ratgan_flower", "netG", ratgan_generator(6), (388, 49, 28)),
    ("ratgan", "netD", ratgan_discriminator(attention=False, square_blocks=(4, 5)), (30, 0, 4)),
    ("ratgan", "att", ratgan_discriminator(attention=True, square_blocks=(4,), idle_blocks=(5,)), (34, 0, 7)),
]


@pytest.mark.parametrize(("name", "net", "keys", "counts"), CASES)
def test_every_published_name_has_one_meaning(name: str, net: str, keys: KeyMap, counts: tuple[int, int, int]) -> None:
    published = golden(name, net)
    unused = [key for key in published if keys.is_unused(key)]
    aliased = [key for key in published if keys.alias_of(key)]
    taken = [key for key in published if keys.ours(key) and key not in unused]
    assert (len(taken), len(aliased), len(unused)) == counts
    assert sorted([*taken, *aliased, *unused]) == sorted(published)
    assert {keys.published(keys.ours(key) or "") or key for key in taken} == set(taken)
    assert all(torch.equal(published[keys.alias_of(key) or ""], published[key]) for key in aliased)


def test_every_name_of_ours_has_a_published_one() -> None:
    for affines in (4, 6):
        generator = RATGenerator(RecurrentController(8, noise_dim=4, hidden_dim=8), width=1, affines=affines)
        keys = ratgan_generator(affines)
        assert all(keys.ours(keys.published(name) or "") == name for name in generator.state_dict())
    for attention in (None, SoftThresholdAttention):
        discriminator = RATDiscriminator(8, width=1, attention=attention)
        keys = ratgan_discriminator(attention=attention is not None)
        assert all(keys.ours(keys.published(name) or "") == name for name in discriminator.state_dict())


@pytest.mark.parametrize(
    ("affines", "order"), [(4, ["0", "1", "2", "3"]), (6, ["0", "1", "4", "2", "3", "5"])], ids=["birds", "flowers"]
)
def test_affines_run_in_the_published_order(affines: int, order: list[str]) -> None:
    keys = ratgan_generator(affines)
    places = [f"fuse{fusion}.affines.{position}" for fusion in (1, 2) for position in range(affines // 2)]
    published = [keys.published(f"blocks.1.{place}.to_gamma.linear1.bias") for place in places]
    assert published == [f"block1.affine{number}.fc_gamma.linear1.bias" for number in order]


@pytest.mark.parametrize(
    "key", ["block1.c3.weight", "block.c1.weight", "xfc.weight", "fc.weight.x", "block1.affine0.x"]
)
def test_a_foreign_name_has_no_meaning(key: str) -> None:
    keys = ratgan_generator(4)
    assert keys.ours(key) is None and keys.alias_of(key) is None and not keys.is_unused(key)
