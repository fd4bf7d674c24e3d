"""All kinds of networks that others have: on meta, spectrally normalized, without weights, in training mode."""

import copy
import warnings
from collections import namedtuple
from collections.abc import Callable
from contextlib import nullcontext
from dataclasses import dataclass

import pytest
import torch
from torch import Tensor, nn
from torch.utils.data import DataLoader, Dataset

from rat_modules import load_retrofit, retrofit
from rat_modules.errors import RetrofitError

from .networks import Decoder, awaken

Z, S = torch.randn(3, 6), torch.randn(3, 5)


def made(model: nn.Module, *, awake: bool = True, **more):
    torch.manual_seed(0)
    r = retrofit(model, cond_dim=5, hidden_dim=8, **more)
    if awake:
        awaken(r)
    return r


def test_a_network_that_waits_for_its_weights(tmp_path) -> None:
    with torch.device("meta"):
        model = Decoder().eval()
    weights = Decoder().state_dict()
    r = made(model, example_inputs=Z.to("meta"))
    r.save_adapter(tmp_path)
    model.to_empty(device="cpu").load_state_dict(weights)
    found = r(Z, sentence=S)
    with r.disabled():
        assert not torch.equal(found, model(Z))
    with torch.device("meta"):
        other = Decoder().eval()
    twin = load_retrofit(other, tmp_path)
    other.load_state_dict(weights, assign=True)
    assert torch.equal(twin(Z, sentence=S), found)


class Moved(nn.Module):
    def forward(self, x: Tensor) -> Tensor:
        return x.to("meta")


def test_a_network_on_two_devices() -> None:
    model = nn.Sequential(nn.Linear(6, 8), nn.LayerNorm(8), Moved(), nn.LayerNorm(8, device="meta"))
    assert made(model)(Z, sentence=S).device.type == "meta"


def test_a_network_without_weights(tmp_path) -> None:
    model = nn.Sequential(nn.InstanceNorm2d(4), nn.ReLU())
    x = torch.randn(3, 4, 6, 6)
    before = model(x)
    r = made(model, awake=False, example_inputs=x)
    assert torch.equal(r(x, sentence=S), before)
    awaken(r)
    found = r(x, sentence=S)
    assert r.verify(x) == [] and not torch.equal(found, before)
    r.save_adapter(tmp_path)
    assert torch.equal(r.unretrofit()(x), before)
    assert torch.equal(load_retrofit(model, tmp_path)(x, sentence=S), found)


NORMALIZED: dict[str, Callable[[nn.Module], nn.Module]] = {
    "old weight norm": nn.utils.weight_norm,
    "new weight norm": nn.utils.parametrizations.weight_norm,
    "old spectral norm": nn.utils.spectral_norm,
    "new spectral norm": nn.utils.parametrizations.spectral_norm,
    "orthogonal": nn.utils.parametrizations.orthogonal,
}


@pytest.mark.filterwarnings("ignore::FutureWarning")
@pytest.mark.parametrize("kind", NORMALIZED)
@pytest.mark.parametrize("freeze", [True, False])
def test_weights_that_are_normalized(kind: str, freeze: bool, tmp_path) -> None:
    model = nn.Sequential(nn.Linear(6, 6), nn.LayerNorm(6), nn.Linear(6, 6))
    for place in (0, 2):
        NORMALIZED[kind](model[place])
    model.eval()
    before, weights = model(Z), {name: value.clone() for name, value in model.state_dict().items()}
    r = made(model, targets=["auto", "0"], example_inputs=Z, awake=False, freeze_base=freeze)
    assert torch.equal(r(Z, sentence=S), before) and [site.name for site in r.sites] == ["0", "1"]
    awaken(r)
    assert r.verify(Z) == [] and list(model.state_dict()) == list(weights)
    assert all(torch.equal(value, weights[name]) for name, value in model.state_dict().items())
    with torch.no_grad():
        found = r(Z, sentence=S)
    twin = copy.deepcopy(r)
    assert torch.equal(twin(Z, sentence=S), found)
    r.save_adapter(tmp_path)
    plain = r.unretrofit()
    assert torch.equal(plain(Z), before)
    assert torch.equal(load_retrofit(plain, tmp_path)(Z, sentence=S), found)


@pytest.mark.parametrize("freeze", [True, False])
def test_in_training_mode_it_draws_the_same_random_numbers(freeze: bool) -> None:
    model = nn.Sequential(nn.Linear(6, 8), nn.BatchNorm1d(8), nn.Dropout(0.5), nn.Linear(8, 6)).train()
    torch.manual_seed(1)
    before = model(Z)
    with pytest.warns(match="running statistics of '1' will move; r.train") if freeze else nullcontext():
        r = made(model, example_inputs=Z, awake=False, freeze_base=freeze)
    torch.manual_seed(1)
    with r.condition(S):
        assert model.training and torch.equal(model(Z), before)
    torch.manual_seed(1)
    assert torch.equal(r.unretrofit()(Z), before)


def test_features_may_be_changed_in_place_after_a_site() -> None:
    model = nn.Sequential(nn.Linear(6, 8), nn.LayerNorm(8), nn.ReLU(inplace=True), nn.Linear(8, 6)).eval()
    found = []
    for inplace in (True, False):
        model[2].inplace = inplace
        r = made(model)
        r(Z, sentence=S).square().sum().backward()
        found.append([parameter.grad for _, parameter in r.adapter_named_parameters()])
        r.unretrofit()
    assert sum(gradient.abs().sum() for gradient in found[0]) > 0
    assert all(torch.equal(one, two) for one, two in zip(*found, strict=True))


def test_sentences_learn_too_and_gradients_have_gradients() -> None:
    r = made(Decoder().eval())
    z, sentence = Z.clone().requires_grad_(), S.clone().requires_grad_()
    (slope,) = torch.autograd.grad(r(z, sentence=sentence).sum(), z, create_graph=True)
    slope.square().sum().backward()
    assert (sentence.grad.abs().sum(1) > 0).all()


@pytest.mark.parametrize("dtype", [torch.bfloat16, torch.float64])
def test_sentences_of_any_precision(dtype: torch.dtype) -> None:
    r = made(Decoder().eval(), noise_dim=4)
    noise = torch.randn(3, 4)
    found = r(Z, sentence=S.to(dtype), controller_noise=noise.to(dtype))
    expected = r(Z, sentence=S.to(dtype).float(), controller_noise=noise.to(dtype).float())
    assert torch.equal(found, expected)
    r.to(torch.bfloat16)
    assert r(Z.bfloat16(), sentence=S.to(dtype), controller_noise=noise).dtype == torch.bfloat16


def test_channels_last() -> None:
    model = Decoder().eval().to(memory_format=torch.channels_last)
    before = model(Z)
    found = made(model, awake=False)(Z, sentence=S)
    assert torch.equal(found, before) and found.stride() == before.stride()


Pair = namedtuple("Pair", "image size")


@dataclass
class Output:
    image: Tensor
    size: int


@pytest.mark.parametrize("kind", [Pair, Output, lambda image, size: {"a": [image], "size": size}])
def test_outputs_of_all_kinds_go_through(kind: Callable) -> None:
    class Wrapped(Decoder):
        def forward(self, z: Tensor):
            return kind(super().forward(z), 3)

    model = Wrapped().eval()
    r = made(model)
    assert type(r(Z, sentence=S)) is type(kind(Z, 3))
    assert r.verify(Z) == []


class Wide(nn.Module):
    """Noise of its own, by the name that everybody uses."""

    def __init__(self) -> None:
        super().__init__()
        self.norm = nn.BatchNorm1d(6)

    def forward(self, x: Tensor, *, noise: Tensor, condition: float = 1.0) -> Tensor:
        return self.norm(x) + condition * noise


def test_noise_and_condition_may_be_the_networks_own() -> None:
    r = made(Wide().eval(), noise_dim=4)
    found = r(Z, noise=Z, condition=2.0, sentence=S, controller_noise=torch.ones(3, 4))
    with r.condition(S, torch.ones(3, 4)):
        assert torch.equal(r.base(Z, noise=Z, condition=2.0), found)


def test_made_in_inference_mode() -> None:
    with torch.inference_mode():
        model = Decoder().eval()
        model.norm1.running_mean += 1
        before = model(Z)
    model.forward = lambda z: torch.tanh(model.last(model.norm2(model.grow(
        model.norm1(model.first(z).view(-1, 16, 3, 3)).relu())).relu()))  # fmt: skip
    r = made(model, awake=False, example_inputs=Z)
    assert [site.name for site in r.sites] == ["norm1", "norm2"]
    with torch.inference_mode():
        assert torch.equal(r(Z, sentence=S), before)
    assert r.unretrofit() is model


def first_of(kind: type[nn.Module], batch_first: bool) -> nn.Module:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of a faster path that is not taken
        layer = nn.TransformerEncoderLayer(6, 2, 8, batch_first=batch_first)
        return {
            nn.TransformerEncoderLayer: lambda: layer,
            nn.TransformerEncoder: lambda: nn.TransformerEncoder(layer, 2, norm=nn.LayerNorm(6)),
            nn.Transformer: lambda: nn.Transformer(6, 2, 1, 1, 8, batch_first=batch_first),
            nn.Sequential: lambda: nn.Sequential(nn.Linear(6, 6), layer),
        }[kind]()


LAYERS = [nn.TransformerEncoderLayer, nn.TransformerEncoder, nn.Transformer, nn.Sequential]


@pytest.mark.parametrize("kind", LAYERS)
def test_a_sequence_before_its_batch(kind: type[nn.Module]) -> None:
    square = torch.randn(3, 3, 6)  # or the batch would give it away
    inputs = (square, square) if kind is nn.Transformer else square
    model = first_of(kind, False).eval()
    for more in ({}, {"example_inputs": inputs}):
        with pytest.raises(RetrofitError, match=r"gives 'l n c', its sequence before its batch: got batch_first=False"):
            made(model, **more)
    assert not any(module._forward_hooks for module in model.modules())
    assert made(first_of(kind, True).eval(), example_inputs=inputs).sites
    if kind is nn.TransformerEncoder:
        with pytest.raises(RetrofitError, match=r"site 'norm' gives 'l n c'.* in the network"):
            made(model, targets="norm")
    if kind is nn.Sequential:  # here it is known that they have no sequence
        assert made(model, targets="1.norm1", example_inputs=Z).sites


class Pictures(Dataset):
    """Draws its pictures in the worker."""

    def __init__(self, r: nn.Module, z: Tensor, sentence: Tensor) -> None:
        self.r, self.z, self.sentence = r, z, sentence

    def __len__(self) -> int:
        return 2

    def __getitem__(self, index: int) -> Tensor:
        return self.r(self.z, sentence=self.sentence).detach()


@pytest.mark.parametrize("start", ["fork", "spawn"])
def test_pictures_are_drawn_in_other_processes(start: str) -> None:
    r = made(Decoder().eval())
    expected = r(Z, sentence=S)
    loader = DataLoader(Pictures(r, Z, S), batch_size=None, num_workers=1, multiprocessing_context=start)
    with r.condition(S):  # what is open here means nothing there
        r.base(Z)
        assert all(torch.equal(picture, expected) for picture in loader)


def test_tracers() -> None:
    model = nn.Sequential(nn.Linear(6, 8), nn.LayerNorm(8), nn.Linear(8, 6)).eval()
    r = made(model)
    graph = torch.fx.symbolic_trace(model)
    many = torch.randn(2, 3, 6)
    with r.condition(S):
        assert torch.equal(graph(Z), model(Z))
        torch.testing.assert_close(torch.vmap(model)(many), torch.stack([model(each) for each in many]))
