"""Steps, widths and reuse: what one look at the network finds, and what is known without one."""

import random
from collections import UserDict

import numpy
import pytest
import torch
from torch import nn

from rat_modules import retrofit
from rat_modules.errors import RetrofitError
from rat_modules.retrofitting.attach import find_sites

from .networks import Branch, Decoder, Reused, ScaleNorm, Tuples, Widths

Z = torch.zeros(2, 6)


def names(sites) -> list[str]:
    return [f"{site.name}#{site.call}" for site in sites]


def test_steps_follow_execution_or_definition_or_a_list() -> None:
    model = Decoder()
    assert names(find_sites(model, example_inputs=Z)) == ["norm1#0", "norm2#0"]
    assert names(find_sites(model)) == names(find_sites(model, example_inputs=Z, order="definition"))
    assert names(find_sites(model)) == ["norm2#0", "norm1#0"]
    assert names(find_sites(model, order=["norm1", "norm2"])) == ["norm1#0", "norm2#0"]
    assert [site.step for site in find_sites(model)] == [0, 1]


@pytest.mark.parametrize("inputs", [Z, (Z,), {"z": Z}, UserDict(z=Z), lambda model: model(Z)])
def test_inputs_are_given_in_four_ways(inputs) -> None:
    assert [site.channels for site in find_sites(Decoder(), example_inputs=inputs)] == [16, 8]


def test_a_look_leaves_no_trace() -> None:
    model = Decoder().train()
    model.norm2.eval()
    before = {name: value.clone() for name, value in model.state_dict().items()}
    torch.manual_seed(3), random.seed(3), numpy.random.seed(3)
    states = torch.get_rng_state(), random.getstate(), numpy.random.get_state()[1].copy()

    def noisy(network: nn.Module) -> None:
        network(Z)
        torch.rand(3), random.random(), numpy.random.rand()
        network.runs = torch.full((1,), 7.0)  # a buffer that is replaced, not changed

    buffer = model.runs
    find_sites(model, example_inputs=noisy)
    assert model.runs is buffer and model.training and not model.norm2.training
    assert all(torch.equal(value, before[name]) for name, value in model.state_dict().items())
    assert torch.equal(states[0], torch.get_rng_state()) and states[1] == random.getstate()
    assert (states[2] == numpy.random.get_state()[1]).all()
    assert not any(module._forward_hooks for module in model.modules())


def test_a_module_that_runs_three_times() -> None:
    model = Reused()
    (shared,) = find_sites(model, example_inputs=Z)
    assert (shared.calls, shared.channel_dim, shared.channels) == (3, -1, 6)
    assert names(find_sites(model, example_inputs=Z, on_reuse="per_call")) == ["norm#0", "norm#1", "norm#2"]
    with pytest.raises(RetrofitError, match="run more than once: got norm; on_reuse="):
        find_sites(model, example_inputs=Z, on_reuse="error")
    for reuse in ("per_call", "error"):
        with pytest.raises(RetrofitError, match="got no example_inputs"):
            find_sites(model, on_reuse=reuse)


def test_other_widths_are_refused_when_shared_and_taken_when_not() -> None:
    x = torch.ones(2, 4)
    with pytest.raises(RetrofitError, match="'norm' is used with other widths: got 4 and 8"):
        find_sites(Widths(), example_inputs=x)
    assert [site.channels for site in find_sites(Widths(), example_inputs=x, on_reuse="per_call")] == [4, 8]


class Turned(nn.LayerNorm):
    """A layer norm over the channels of pictures, as several packages have one."""

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return super().forward(x.movedim(1, -1)).movedim(-1, 1)


class LayerNorm2d(Turned):
    pass


WIDTHS = [
    (nn.BatchNorm2d(7), (2, 7, 3, 3), 7, 1),
    (nn.LayerNorm(7), (2, 5, 7), 7, -1),
    (nn.LayerNorm((7, 3, 3)), (2, 7, 3, 3), 7, -3),
    (nn.Conv1d(4, 7, 1), (2, 4, 9), 7, 1),
    (nn.Linear(4, 7), (2, 9, 4), 7, -1),
    (nn.Linear(4, 7), (2, 4), 7, 1),
    (nn.Conv3d(4, 7, 1), (2, 4, 2, 2, 2), 7, 1),
    (nn.Linear(4, 4), (2, 4, 4), 4, -1),
    (nn.Embedding(9, 4), (2, 4), 4, -1),
    (nn.Conv1d(4, 4, 1), (2, 4, 4), 4, 1),
    (ScaleNorm(), (2, 4, 4), 4, 1),  # nothing tells them apart
    (LayerNorm2d(7), (2, 7, 5, 3), 7, 1),
    (LayerNorm2d(7), (2, 7, 5, 7), 7, 1),
    (Turned(7), (2, 7, 5, 3), 7, 1),
    (nn.GroupNorm(2, 8), (2, 8), 8, 1),
]


@pytest.mark.parametrize(("module", "shape", "channels", "place"), WIDTHS)
def test_channels_are_found(module: nn.Module, shape: tuple[int, ...], channels: int, place: int) -> None:
    model = nn.Sequential(module)
    kind = torch.long if isinstance(module, nn.Embedding) else torch.float
    (probed,) = find_sites(model, targets="0", example_inputs=torch.ones(shape, dtype=kind))
    assert (probed.channels, probed.channel_dim) == (channels, place)
    if not isinstance(module, ScaleNorm | Turned):
        (told,) = find_sites(model, targets="0")
        assert told.channels == channels and told.channel_dim in (place, place - len(shape), -1)


def test_channels_are_said_where_nothing_tells() -> None:
    model = Widths()
    with pytest.raises(
        RetrofitError, match=r"nothing tells the channels of site 'norm' .ScaleNorm.; give example_inputs"
    ):
        find_sites(model)
    for weight in (torch.ones(1), torch.ones(()), torch.ones(1, 1)):  # one number for all channels
        model.norm.g = nn.Parameter(weight)
        with pytest.raises(RetrofitError, match="nothing tells the channels"):
            find_sites(model)
    model.norm.g = nn.Parameter(torch.ones(1, 4, 1, 1))
    assert find_sites(model)[0].channels == 4
    (site,) = find_sites(model, channels={"nor*": 4}, channel_dim={"*": -1})
    assert (site.channels, site.channel_dim) == (4, -1)
    with pytest.raises(RetrofitError, match="channels of site 'norm1': got 5, expected 16"):
        find_sites(Decoder(), channels={"norm1": 5}, example_inputs=Z)


REFUSED = [
    (Tuples(), {"targets": "rnn", "example_inputs": torch.ones(2, 3, 4)}, "'rnn' gives no tensor: got tuple"),
    (Branch(), {"example_inputs": torch.ones(2, 4)}, "never calls with example_inputs: got unused; exclude them"),
    (Decoder(), {"example_inputs": torch.ones(2, 7)}, "does not run with example_inputs: got RuntimeError mat1"),
    (Decoder(), {"order": ["norm1"]}, "order must name every site once: got norm2 not once"),
    (Decoder(), {"order": ["norm1", "nrom2"]}, "order names no site: got 'nrom2'; did you mean 'norm2'"),
    (Decoder(), {"channels": {"norm1": 16, "nrom2": 8}}, "channels names no site: got 'nrom2'; did you mean 'norm2'"),
    (Decoder(), {"channel_dim": {"last": 1}}, "channel_dim names no site: got 'last'"),
    (Decoder(), {"order": "execution"}, "order='execution': got no example_inputs"),
    (Decoder(), {"order": "random"}, "order: got 'random'"),
    (Decoder(), {"on_reuse": "maybe"}, "on_reuse: got 'maybe'"),
    (Decoder(), {"channel_dim": 0, "example_inputs": Z}, "expected a dimension after the batch"),
    (Decoder(), {"channel_dim": 9, "example_inputs": Z}, "channel_dim of site 'norm1': got 9"),
    (nn.Sequential(nn.Flatten(0)), {"targets": "0", "example_inputs": Z}, "output of site '0': got .12,., expected"),
]


@pytest.mark.parametrize(("model", "asked", "words"), REFUSED)
def test_what_is_refused(model: nn.Module, asked: dict[str, object], words: str) -> None:
    with pytest.raises(RetrofitError, match=words):
        retrofit(model, cond_dim=3, **asked)
    assert not any(module._forward_hooks for module in model.modules())
    assert all(parameter.requires_grad for parameter in model.parameters())
