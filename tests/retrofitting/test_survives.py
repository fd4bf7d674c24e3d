"""What people do to networks afterwards: compile, export, spread over processes, take weight norms off."""

import warnings

import pytest
import torch
from torch import nn

from rat_modules import retrofit

from .networks import Decoder, Reused, awaken

Z, S, N = torch.randn(3, 6), torch.randn(3, 5), torch.randn(3, 4)


def made(model: nn.Module | None = None, **more):
    torch.manual_seed(0)
    r = retrofit((model or Decoder()).eval(), cond_dim=5, noise_dim=4, hidden_dim=8, example_inputs=Z, **more)
    awaken(r)
    return r


class Still(Decoder):
    """Without the counter of its runs, which an exporter does not take."""

    def forward(self, z: torch.Tensor) -> torch.Tensor:
        x = self.norm1(self.first(z).view(-1, 16, 3, 3)).relu()
        return torch.tanh(self.last(self.norm2(self.grow(x)).relu()))


@pytest.fixture(autouse=True)
def fresh_compiler():
    torch.compiler.reset()
    yield
    torch.compiler.reset()


# torch's compiler looks at `.grad` of what it is given, and warns of its own look
LOOKS = "ignore:The .grad attribute of a Tensor that is not a leaf"


@pytest.mark.filterwarnings("ignore::DeprecationWarning", LOOKS)
@pytest.mark.parametrize("whole", [True, False])
def test_compiled_without_a_break(whole: bool) -> None:
    r = made(Still())
    expected = [r(Z, sentence=sentence, controller_noise=N) for sentence in (S, S.flip(0))]
    compiled = torch.compile(r if whole else r.base, backend="aot_eager", fullgraph=True)
    for sentence, picture in zip((S, S.flip(0)), expected, strict=True):
        if whole:
            found = compiled(Z, sentence=sentence, controller_noise=N)
        else:
            with r.condition(sentence, N):
                found = compiled(Z)
        torch.testing.assert_close(found, picture)
        r.zero_grad()
        found.sum().backward()
        gradients = [parameter.grad for _, parameter in r.adapter_named_parameters()]
        r.zero_grad()
        picture.sum().backward()
        for ours, (_, parameter) in zip(gradients, r.adapter_named_parameters(), strict=True):
            torch.testing.assert_close(ours, parameter.grad)


@pytest.mark.filterwarnings("ignore::DeprecationWarning", LOOKS)
def test_counted_calls_compile_too() -> None:
    r = made(Reused(), on_reuse="per_call")
    steps = torch.stack([S, S.flip(0), S + 1])
    expected = r(Z, sentence=steps, controller_noise=N)
    compiled = torch.compile(r, backend="aot_eager")
    for _ in range(2):
        torch.testing.assert_close(compiled(Z, sentence=steps, controller_noise=N), expected)


@pytest.mark.filterwarnings("ignore::DeprecationWarning", LOOKS)
def test_what_was_compiled_before_follows_after() -> None:
    model = Still().eval()

    @torch.compile(backend="aot_eager")
    def draw(z: torch.Tensor) -> torch.Tensor:
        return model(z)

    original = draw(Z)
    r = made(model)
    with r.condition(S, N):
        found = draw(Z)
    assert torch.equal(found, r(Z, sentence=S, controller_noise=N)) and not torch.equal(found, original)


# the condition is opened and closed inside what is exported, and leaves nothing behind
@pytest.mark.filterwarnings("ignore:While compiling, we found certain side effects")
@pytest.mark.filterwarnings("ignore::DeprecationWarning", "ignore::FutureWarning")
@pytest.mark.parametrize("strict", [False, True])
def test_exported(strict: bool) -> None:
    r = made(Still())
    expected = r(Z, sentence=S, controller_noise=N)
    inputs = {"sentence": S, "controller_noise": N}
    program = torch.export.export(r, (Z,), inputs, strict=strict).module()
    torch.testing.assert_close(program(Z, **inputs), expected)
    torch.testing.assert_close(r(Z, **inputs), expected)


@pytest.mark.filterwarnings("ignore::FutureWarning", "ignore::UserWarning")
def test_weight_norm_may_be_taken_off_later() -> None:
    for put, take in (
        (nn.utils.weight_norm, nn.utils.remove_weight_norm),
        (
            nn.utils.parametrizations.weight_norm,
            lambda module: nn.utils.parametrize.remove_parametrizations(module, "weight"),
        ),
    ):
        model = Decoder()
        put(model.grow)
        r = made(model, targets=["grow", "norm1"])
        before = r(Z, sentence=S, controller_noise=N)
        take(model.grow)
        torch.testing.assert_close(r(Z, sentence=S, controller_noise=N), before)


def test_a_network_that_is_called_through_its_parts() -> None:
    r = made()
    expected = r(Z, sentence=S, controller_noise=N)
    with r.condition(S, N):
        x = r.base.norm1(r.base.first(Z).view(-1, 16, 3, 3)).relu()
        found = torch.tanh(r.base.last(r.base.norm2(r.base.grow(x)).relu()))
    torch.testing.assert_close(found, expected)


def test_weights_given_from_outside() -> None:
    r = made()
    expected = r(Z, sentence=S, controller_noise=N)
    weights = {name: value.detach().clone() for name, value in r.state_dict().items()}
    awaken(r, seed=1)
    found = torch.func.functional_call(r, weights, (Z,), {"sentence": S, "controller_noise": N})
    torch.testing.assert_close(found, expected)


def test_transformers_do_not_take_their_fast_path_around_a_site() -> None:
    layer = nn.TransformerEncoderLayer(6, 2, 8, batch_first=True)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        r = retrofit(nn.TransformerEncoder(layer, 2).eval(), cond_dim=5, example_inputs=torch.randn(3, 7, 6))
    awaken(r)
    x = torch.randn(3, 7, 6)
    with torch.no_grad():
        assert not torch.equal(r(x, sentence=S), r(x, sentence=S.flip(0)))
    assert [site.channel_dim for site in r.sites] == [-1] * 4
