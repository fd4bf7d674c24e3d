"""Run by whoever has rat_modules and this package installed: `pytest` in the folder above."""

from itertools import product
from math import exp, sqrt

import pytest
import torch
from rat_modules_dtgan.attention import Attention, ChannelAttention, PixelAttention
from rat_modules_dtgan.fusion import CAdaILNFusion, DualAttentionFusion
from torch import Tensor
from torch.nn.functional import interpolate

from rat_modules import assemble
from rat_modules.errors import RatError, ShapeError
from rat_modules.recipes import diff, load_recipe
from rat_modules.registry import get_catalog, plugin_states

FUSIONS = {"cadailn": CAdaILNFusion, "dtgan": DualAttentionFusion}
ATTENTIONS = {"channel-attention": ChannelAttention, "pixel-attention": PixelAttention}
each_fusion = pytest.mark.parametrize("fusion", FUSIONS.values())
each_attention = pytest.mark.parametrize("attention", ATTENTIONS.values())


def drawn(fusion: CAdaILNFusion) -> CAdaILNFusion:
    """The fusion with every number that starts at 0 or 1 somewhere between."""
    torch.nn.init.uniform_(fusion.rho)
    for module in fusion.modules():
        if isinstance(module, Attention):
            torch.nn.init.uniform_(module.alpha, 0.5, 1.5)
    return fusion.double()


def normal(*shape: int) -> Tensor:
    return torch.randn(shape, dtype=torch.float64, requires_grad=True)


@pytest.mark.parametrize(("kind", "components"), [("fusions", FUSIONS), ("layers", ATTENTIONS)])
def test_they_are_registered(kind: str, components: dict[str, type]) -> None:
    for name, component in components.items():
        entry = get_catalog().get(kind, name)
        (state,) = [state for state in plugin_states() if state.name == entry.owner]
        assert (state.state, state.reason) == ("loaded", "")
        assert entry.resolve() is component


def test_cadailn_number_by_number() -> None:
    fusion = drawn(CAdaILNFusion(3, 4, steps=1))
    x, gamma, beta = normal(2, 3, 2, 2), normal(1, 2, 3), normal(1, 2, 3)
    found = fusion(x, gamma, beta)
    for n, c, h, w in product(range(2), range(3), range(2), range(2)):
        normed = []
        for pool in ([v.item() for v in x[n, c].flatten()], [v.item() for v in x[n].flatten()]):
            mean = sum(pool) / len(pool)
            variance = sum((value - mean) ** 2 for value in pool) / len(pool)
            normed.append((x[n, c, h, w].item() - mean) / sqrt(variance + 1e-5))
        rho = fusion.rho[0, c].item()
        y = gamma[0, n, c].item() * (rho * normed[0] + (1 - rho) * normed[1]) + beta[0, n, c].item()
        assert found[n, c, h, w].item() == pytest.approx(y if y > 0 else 0.2 * y, rel=1e-9)


@pytest.mark.parametrize("rho", [0.0, 1.0])
def test_at_its_ends_it_is_one_of_the_two_norms(rho: float) -> None:
    x, gamma, beta = torch.randn(2, 3, 4, 4), torch.rand(1, 2, 3) + 1, 9 + torch.rand(1, 2, 3)
    norm = torch.nn.InstanceNorm2d(3) if rho else torch.nn.GroupNorm(1, 3)
    expected = gamma[0, :, :, None, None] * norm(x) + beta[0, :, :, None, None]  # all positive: no rectifier
    torch.testing.assert_close(CAdaILNFusion(3, 4, steps=1, rho_init=rho)(x, gamma, beta), expected)


def test_rho_stays_between_0_and_1_and_is_never_stuck_there() -> None:
    fusion = CAdaILNFusion(3, 4, steps=1, rho_init=1.0)
    optimizer = torch.optim.SGD(fusion.parameters(), lr=10.0)
    planned = fusion.modulation(torch.randn(1, 2, 4))
    x = torch.randn(2, 3, 4, 4)
    with torch.no_grad():
        within = fusion(x, *planned)
        fusion.rho.fill_(7.0)
        torch.testing.assert_close(fusion.eval()(x, *planned), within)
        assert fusion.rho.max() == 7, "evaluation writes nothing"
    for sign in (1, -1):
        fusion.train()(x, *fusion.modulation(torch.randn(1, 2, 4)))
        assert fusion.rho.min() >= 0 and fusion.rho.max() <= 1
        (sign * fusion.rho.clamp(0, 1).sum()).backward()
        optimizer.step()
        optimizer.zero_grad()
    fusion(x, *planned)
    torch.testing.assert_close(fusion.rho, torch.ones(1, 3))  # down to 0 and up again


def test_channel_attention_number_by_number() -> None:
    attend = ChannelAttention(3, 2, mlp_dim=4, alpha_init=0.7).double()
    x, s = normal(2, 3, 2, 2), normal(2, 2)
    pooled, sentence, out = attend.from_pooled, attend.from_sentence, attend.to_weight
    found = attend(x, s)
    for n, c in product(range(2), range(3)):
        logit = 0.0
        for pool in (torch.stack([x[n, k].mean() for k in range(3)]), torch.stack([x[n, k].max() for k in range(3)])):
            hidden = (pooled.weight @ pool + sentence.weight @ s[n] + sentence.bias).clamp(min=0)
            logit += (out.weight[c] @ hidden + out.bias[c]).item()
        torch.testing.assert_close(found[n, c], x[n, c] * (1 + 0.7 / (1 + exp(-logit))), rtol=1e-6, atol=0)


def test_pixel_attention_number_by_number() -> None:
    attend = PixelAttention(3, 2, mlp_dim=4, alpha_init=0.7).double()
    x, s = normal(2, 3, 2, 2), normal(2, 2)
    pooled, sentence, out = attend.from_pooled, attend.from_sentence, attend.to_weight
    found = attend(x, s)
    for n, h, w in product(range(2), range(2), range(2)):
        logit = 0.0
        for pool in (x[n, :, h, w].mean(), x[n, :, h, w].max()):
            hidden = (pooled.weight[:, 0] * pool + sentence.weight @ s[n] + sentence.bias).clamp(min=0)
            logit += (out.weight[0] @ hidden + out.bias[0]).item()
        torch.testing.assert_close(found[n, :, h, w], x[n, :, h, w] * (1 + 0.7 / (1 + exp(-logit))), rtol=1e-6, atol=0)


@each_attention
@pytest.mark.parametrize("shape", [(2, 3, 5), (2, 3, 5, 6), (2, 3, 2, 3, 4)])
def test_attention_starts_as_the_identity_in_any_number_of_dimensions(attention: type, shape: tuple[int, ...]) -> None:
    x = torch.randn(shape)
    assert torch.equal(attention(3, 4)(x, torch.randn(2, 4)), x)
    weights = attention(3, 4).weights(x, torch.randn(2, 4))
    assert weights.shape == ((2, 3, *(1 for _ in shape[2:])) if attention is ChannelAttention else (2, 1, *shape[2:]))
    assert weights.min() > 0 and weights.max() < 1


def test_the_dual_attention_is_the_three_one_after_the_other() -> None:
    fusion, plain = drawn(DualAttentionFusion(3, 4)), CAdaILNFusion(3, 4).double()
    plain.load_state_dict(fusion.state_dict(), strict=False)
    x, gamma, beta = normal(2, 3, 4, 4), normal(2, 2, 3), normal(2, 2, 3)
    text = torch.cat([gamma[1], beta[1]], 1)
    expected = fusion.pixels(fusion.channels(plain(x, gamma, beta), text), text)
    torch.testing.assert_close(fusion(x, gamma, beta), expected)
    assert not torch.allclose(expected, plain(x, gamma, beta))


@each_fusion
def test_it_commutes_with_upsampling_as_it_says(fusion: type[CAdaILNFusion]) -> None:
    made = drawn(fusion(3, 4))
    x, gamma, beta = normal(2, 3, 4, 4), normal(2, 2, 3), normal(2, 2, 3)
    late, early = interpolate(made(x, gamma, beta), scale_factor=2), made(interpolate(x, scale_factor=2), gamma, beta)
    assert fusion.pointwise
    torch.testing.assert_close(late, early)


@each_fusion
def test_first_and_second_derivatives(fusion: type[CAdaILNFusion]) -> None:
    made = drawn(fusion(2, 3, steps=1))
    inputs = made.rho.detach().requires_grad_(), normal(1, 2, 3), normal(1, 1, 2), normal(1, 1, 2)

    def call(rho: Tensor, *inputs: Tensor) -> Tensor:
        return torch.func.functional_call(made, {"rho": rho}, inputs)

    assert torch.autograd.gradcheck(call, inputs)
    assert torch.autograd.gradgradcheck(call, inputs, fast_mode=True)


def test_what_does_not_fit_is_refused() -> None:
    planned = torch.ones(2, 2, 3), torch.zeros(2, 2, 3)
    with pytest.raises(ShapeError, match="one place per picture"):
        CAdaILNFusion(3, 4)(torch.randn(2, 3, 1, 1), *planned)
    with pytest.raises(ShapeError, match="with c = 3"):
        CAdaILNFusion(3, 4)(torch.randn(2, 4, 5, 5), *planned)
    with pytest.raises(RatError, match=r"rho_init: got 1\.5"):
        CAdaILNFusion(3, 4, rho_init=1.5)
    with pytest.raises(ShapeError, match="sentence: got"):
        PixelAttention(3, 4)(torch.randn(2, 3, 5, 5), torch.randn(1, 4))
    with pytest.raises(ShapeError, match="features: got"):
        ChannelAttention(3, 4)(torch.randn(2, 3), torch.randn(2, 4))


def test_the_recipe_differs_in_fusion_and_recurrence() -> None:
    found = {change.key: change.after for change in diff(load_recipe("ratgan-tiny"), load_recipe("ratgan-dtgan"))}
    assert found == {"controller.cell": "none", "fusion.name": "dtgan"}


def test_a_generator_is_made_of_it_and_learns() -> None:
    options = {"text_encoder.name": "none", "generator.gate_init": 1.0, "fusion.alpha_init": 1.0}
    generator = assemble("ratgan-dtgan", **options).generator
    fusions = [module for module in generator.modules() if isinstance(module, DualAttentionFusion)]
    assert sum(fusion.steps for fusion in fusions) == generator.steps == 16
    generator(torch.randn(2, generator.noise_dim), torch.randn(2, generator.cond_dim)).square().mean().backward()
    for fusion in fusions:
        assert fusion.affines[0].to_gamma.linear2.weight.grad.abs().sum() > 0
        assert all(each.grad.abs().sum() > 0 for each in (fusion.rho, fusion.channels.alpha, fusion.pixels.alpha))
