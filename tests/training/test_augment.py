"""Augmentation: what each kind does, that it can be differentiated, and that it is a function of given numbers."""

import pytest
import torch

from rat_modules.errors import RatError
from rat_modules.training.augment import DRAWS, augmented

KINDS = ("color", "translation", "cutout")


def images(dtype: torch.dtype = torch.float32, size: int = 16) -> torch.Tensor:
    return torch.rand(5, 3, size, size, generator=torch.Generator().manual_seed(0), dtype=dtype) * 2 - 1


def chance(seed: int = 0) -> torch.Tensor:
    return torch.rand(5, DRAWS, generator=torch.Generator().manual_seed(seed))


def test_without_kinds_pictures_stay() -> None:
    given = images()
    assert augmented(given, None, ()) is given


@pytest.mark.parametrize("kind", KINDS)
def test_the_same_numbers_give_the_same_pictures(kind: str) -> None:
    once, again, other = (augmented(images(), chance(seed), [kind]) for seed in (1, 1, 2))
    assert torch.equal(once, again) and not torch.equal(once, other) and not torch.equal(once, images())


@pytest.mark.parametrize("kinds", [[kind] for kind in KINDS] + [list(KINDS)])
def test_derivatives(kinds: list[str]) -> None:
    given = images(torch.float64, 8).requires_grad_()
    assert torch.autograd.gradcheck(lambda x: augmented(x, chance(), kinds), given)
    assert torch.autograd.gradgradcheck(lambda x: augmented(x, chance(), kinds).square(), given)


def test_a_part_of_a_batch_is_augmented_as_in_the_whole() -> None:
    whole = augmented(images(), chance(), KINDS)
    torch.testing.assert_close(augmented(images()[2:4], chance()[2:4], KINDS), whole[2:4])


def test_translation_moves_by_an_eighth_at_most_and_leaves_grey() -> None:
    draws = torch.zeros(5, DRAWS)
    draws[:, 3], draws[:, 4] = torch.tensor([0.0, 0.999, 0.5, 0.5, 0.5]), torch.tensor([0.5, 0.5, 0.0, 0.999, 0.5])
    given = images()
    found = augmented(given, draws, ["translation"])
    assert torch.equal(found[0, :, 2:], given[0, :, :-2]) and not found[0, :, :2].any()
    assert torch.equal(found[1, :, :-2], given[1, :, 2:]) and not found[1, :, -2:].any()
    assert torch.equal(found[2, :, :, 2:], given[2, :, :, :-2])
    assert torch.equal(found[3, :, :, :-2], given[3, :, :, 2:])
    assert torch.equal(found[4], given[4])


def test_the_hole_is_half_the_edge_wide_and_may_reach_over_it() -> None:
    given = torch.ones(400, 1, 16, 16)
    draws = torch.rand(400, DRAWS, generator=torch.Generator().manual_seed(1))
    holes = 1 - augmented(given, draws, ["cutout"])[:, 0]
    sizes = holes.flatten(1).sum(1)
    assert sizes.max() == 64 and sizes.min() >= 16
    assert holes.mean(0).min() > 0.05, "every pixel has its turn"


def test_colours_move_around_their_middle_and_nothing_is_where_it_was_not() -> None:
    draws = torch.full((5, DRAWS), 0.5)
    torch.testing.assert_close(augmented(images(), draws, ["color"]), images())
    grey = torch.full((5, DRAWS), 0.5)
    grey[:, 1] = 0.0
    found = augmented(images(), grey, ["color"])
    torch.testing.assert_close(found, found.mean(1, keepdim=True).expand_as(found))


def test_numbers_to_draw_with_are_needed() -> None:
    with pytest.raises(RatError, match="numbers to augment with: got none, expected 'n 7'"):
        augmented(images(), None, ["color"])
