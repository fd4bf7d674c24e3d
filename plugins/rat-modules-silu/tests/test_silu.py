"""Run by whoever has rat_modules and this package installed: `pytest` in the folder above."""

import pytest
import torch
from rat_modules_silu.fusion import SiLUFusion

from rat_modules import assemble
from rat_modules.errors import ShapeError
from rat_modules.recipes import diff, load_recipe
from rat_modules.registry import get_catalog
from rat_modules.testing import check_plugin


def test_it_conforms() -> None:
    report = check_plugin("silu")
    assert [part.subject for part in report.parts] == ["fusions 'silu-affine'", "recipes 'ratgan-silu'"]
    assert [*report.everything_unchecked()] == ["recipes 'ratgan-silu': text encoder"]
    assert report == check_plugin("rat-modules-silu"), "the name of its package will do as well"
    assert get_catalog().get("fusions", "silu-affine").resolve() is SiLUFusion


def test_the_formula() -> None:
    fusion = SiLUFusion(3, 8, steps=2)
    x, gamma, beta = torch.randn(2, 3, 4, 4), torch.randn(2, 2, 3), torch.randn(2, 2, 3)
    expected = x
    for j in range(2):
        inner = gamma[j, :, :, None, None] * expected + beta[j, :, :, None, None]
        expected = inner * torch.sigmoid(inner)
    torch.testing.assert_close(fusion(x, gamma, beta), expected)


@pytest.mark.parametrize("shape", [(2, 3), (2, 3, 5), (2, 3, 5, 6), (2, 3, 2, 3, 4)])
def test_any_number_of_dimensions(shape: tuple[int, ...]) -> None:
    fusion = SiLUFusion(3, 8, steps=2)
    assert fusion(torch.randn(shape), *fusion.modulation(torch.randn(2, 2, 8))).shape == shape


def test_what_does_not_fit_is_refused() -> None:
    fusion = SiLUFusion(3, 8, steps=2)
    with pytest.raises(ShapeError, match="expected gamma 'n c' for x"):
        fusion(torch.randn(2, 4, 5, 5), torch.ones(2, 2, 3), torch.zeros(2, 2, 3))


def test_the_recipe_differs_in_nothing_but_the_fusion() -> None:
    found = [(change.key, change.after) for change in diff(load_recipe("ratgan-tiny"), load_recipe("ratgan-silu"))]
    assert found == [("fusion.name", "silu-affine")]


def test_a_generator_is_made_of_it_and_learns() -> None:
    generator = assemble("ratgan-silu", **{"text_encoder.name": "none", "generator.gate_init": 1.0}).generator
    fusions = [module for module in generator.modules() if isinstance(module, SiLUFusion)]
    assert sum(fusion.steps for fusion in fusions) == generator.steps == 16
    generator(torch.randn(2, generator.noise_dim), torch.randn(2, generator.cond_dim)).square().mean().backward()
    assert all(fusion.affines[0].to_gamma.linear2.weight.grad.abs().sum() > 0 for fusion in fusions)
