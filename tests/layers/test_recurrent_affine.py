"""One layer in an own network: identity at the start, the state convention, shared controllers."""

import copy
import pickle
from pathlib import Path

import pytest
import torch
from safetensors.torch import save_file
from torch import Tensor, nn

from rat_modules import RecurrentAffine, RecurrentController
from rat_modules.errors import ShapeError
from rat_modules.layers.cells import CELLS
from rat_modules.testing import check_layer

each_cell = pytest.mark.parametrize("cell", CELLS)
SHAPES = [(2, 3), (2, 3, 7), (2, 3, 1, 7), (2, 3, 3, 3, 3), (0, 3, 4, 4), (1, 3, 5)]


def trained(module: nn.Module) -> nn.Module:
    generator = torch.Generator().manual_seed(0)
    for parameter in module.parameters():
        nn.init.normal_(parameter, std=0.5, generator=generator)
    return module


class Painter(nn.Module):
    """A stranger's network: three layers, one controller that the network owns."""

    def __init__(self) -> None:
        super().__init__()
        self.controller = RecurrentController(5, noise_dim=4, hidden_dim=6)
        self.layers = nn.ModuleList(RecurrentAffine(3, 5, controller=self.controller) for _ in range(3))

    def forward(self, x: Tensor, noise: Tensor, condition: Tensor) -> Tensor:
        state = self.controller.initial_state(noise)
        for layer in self.layers:
            x, state = layer(x, condition, state)
        return x


@each_cell
@pytest.mark.parametrize("shape", SHAPES, ids=str)
@pytest.mark.parametrize("dtype", [torch.float32, torch.float16, torch.bfloat16])
def test_identity_at_the_start(cell: str, shape: tuple[int, ...], dtype: torch.dtype) -> None:
    layer = RecurrentAffine(3, 5, hidden_dim=6, cell=cell)
    x, condition = torch.randn(shape).to(dtype), torch.randn(shape[0], 5)
    y, state = layer(x, condition)
    again, _ = layer(y, condition, state)
    assert y.dtype == again.dtype == dtype
    assert torch.equal(y, x) and torch.equal(again, x)


@each_cell
@pytest.mark.parametrize("shape", SHAPES, ids=str)
def test_equal_to_controller_then_affine(cell: str, shape: tuple[int, ...]) -> None:
    layer = trained(RecurrentAffine(3, 5, hidden_dim=6, cell=cell))
    x, condition = torch.randn(shape), torch.randn(shape[0], 5)
    y, state = layer(x, condition)
    again, _ = layer(y, condition, state)
    hidden = layer.controller.unroll(condition, 2)
    expected = layer.affine(x, hidden[0])
    torch.testing.assert_close(y, expected)
    torch.testing.assert_close(again, layer.affine(expected, hidden[1]))


def test_the_state_is_that_of_an_lstm_cell() -> None:
    layer = RecurrentAffine(3, 5)
    _, state = layer(torch.randn(2, 3, 4, 4), torch.randn(2, 5))
    hidden, cell = state
    assert hidden.shape == cell.shape == (2, 256)


@pytest.mark.parametrize(("cell", "joined"), [("lstm", True), ("gru", True), ("none", False)])
def test_only_a_recurrence_joins_layers(cell: str, joined: bool) -> None:
    layer = trained(RecurrentAffine(3, 5, hidden_dim=6, cell=cell))
    x, condition = torch.randn(2, 3, 4), torch.randn(2, 5)
    _, one = layer(x, torch.randn(2, 5))
    _, other = layer(x, torch.randn(2, 5))
    assert torch.equal(layer(x, condition, one)[0], layer(x, condition, other)[0]) is not joined


@pytest.mark.parametrize("dtype", [torch.bfloat16, torch.float16])
@each_cell
def test_dtype_is_kept_under_autocast(cell: str, dtype: torch.dtype) -> None:
    layer = trained(RecurrentAffine(3, 5, hidden_dim=6, cell=cell))
    x, condition = torch.randn(2, 3, 4), torch.randn(2, 5)
    with torch.autocast("cpu", dtype):
        for kept in (torch.float32, dtype):
            y, state = layer(x.to(kept), condition)
            assert layer(y, condition, state)[0].dtype == kept


def test_a_shared_controller_is_owned_once(tmp_path: Path) -> None:
    network = Painter()
    names = [name for name, _ in network.named_parameters(remove_duplicate=False)]
    assert sum("weight_hidden" in name for name in names) == 1
    assert not any("controller" in name for name in network.layers.state_dict())
    save_file(network.state_dict(), tmp_path / "network.safetensors")  # refuses tensors that share memory
    assert all(layer.controller is network.controller for layer in network.layers)
    assert all(layer.controller.hidden_dim == 6 for layer in network.layers)


@pytest.mark.parametrize("how", [copy.deepcopy, lambda network: pickle.loads(pickle.dumps(network))])
def test_a_copy_shares_its_own_controller(how) -> None:
    network = trained(Painter())
    twin = how(network)
    assert all(layer.controller is twin.controller for layer in twin.layers)
    inputs = torch.randn(2, 3, 4), torch.randn(2, 4), torch.randn(2, 5)
    before = twin(*inputs)
    torch.testing.assert_close(before, network(*inputs))
    nn.init.zeros_(network.controller.cell.weight_input)
    assert torch.equal(twin(*inputs), before)


class LayersFirst(nn.Module):
    """The controller is visited after the layers that share it, and another one is about."""

    def __init__(self) -> None:
        super().__init__()
        shared = RecurrentController(5, hidden_dim=6)
        self.layers = nn.ModuleList(RecurrentAffine(3, 5, controller=shared) for _ in range(2))
        self.own = RecurrentAffine(3, 5, hidden_dim=6)
        self.controller = shared


@pytest.mark.parametrize("how", [copy.deepcopy, lambda network: pickle.loads(pickle.dumps(network))])
def test_a_copy_shares_its_own_controller_in_any_order(how) -> None:
    network = LayersFirst()
    twin = how(how(network))
    assert all(layer.controller is twin.controller for layer in twin.layers)
    assert twin.controller is not network.controller
    assert twin.own.controller not in (network.own.controller, twin.controller)
    assert {*twin.state_dict()} == {*network.state_dict()}


@pytest.mark.parametrize("kind", [Painter, LayersFirst])
def test_a_copy_without_the_controller_keeps_it(kind: type[nn.Module]) -> None:
    network = kind()
    copied = [copy.deepcopy(network.layers[0]), *copy.deepcopy(network.layers), *copy.deepcopy((*network.layers,))]
    for layer in copied:
        assert layer.controller is network.controller and layer not in list(network.layers)
        assert layer.affine.to_gamma.linear1.weight is not network.layers[0].affine.to_gamma.linear1.weight
    apart = copy.deepcopy([network.layers[0], network.controller, network.layers[1]])
    assert apart[0].controller is apart[1] is apart[2].controller is not network.controller


def test_a_network_of_them_conforms() -> None:
    check_layer(Painter(), (torch.randn(3, 3, 4), torch.randn(3, 4), torch.randn(3, 5)))


@each_cell
def test_it_conforms(cell: str) -> None:
    layer = RecurrentAffine(3, 5, hidden_dim=6, cell=cell)
    state = tuple(torch.randn(3, 6) for _ in range(layer.controller.cell.state_size))
    check_layer(layer, (torch.randn(3, 3, 2, 2), torch.randn(3, 5), state))


@pytest.mark.parametrize(
    ("call", "line"),
    [
        (
            lambda: RecurrentAffine(3, 4, controller=RecurrentController(5)),
            "shared controller: got cond_dim 5, expected cond_dim 4",
        ),
        (
            lambda: RecurrentAffine(3, 5, hidden_dim=-1),
            "hidden_dim: got -1, expected a whole number, 1 or more",
        ),
        (
            lambda: RecurrentAffine(0, 5),
            "num_features: got 0, expected a whole number, 1 or more",
        ),
        (
            lambda: RecurrentAffine(3, 5)(torch.zeros(2, 4, 6), torch.zeros(2, 5)),
            "x: got (2, 4, 6), expected 'n c ...' with c = 3",
        ),
        (
            lambda: RecurrentAffine(3, 5)(torch.zeros(2, 3, 6), torch.zeros(2, 6)),
            "condition: got (2, 6), expected 'n s' with a last dimension of 5",
        ),
        (
            lambda: RecurrentAffine(3, 5)(torch.zeros(2, 3, 6), torch.zeros(2, 5), (torch.zeros(2, 9),) * 2),
            "controller state: got [(2, 9), (2, 9)], expected 2 tensors 'n d' of (2, 256)",
        ),
        (
            lambda: RecurrentAffine(3, 5)(torch.zeros(2, 3, 6), torch.zeros(4, 5)),
            "affine gamma does not fit x: got gamma (4, 3) for x (2, 3, 6), expected gamma 'n c' for x 'n c ...'",
        ),
    ],
)
def test_wrong_shapes_are_refused(call, line: str) -> None:
    with pytest.raises(ShapeError) as refusal:
        call()
    assert str(refusal.value) == line
