"""How the kit itself behaves: reports, refusals, plugins that are found or borrowed, and nothing left changed."""

import copy
from pathlib import Path

import pytest
import torch
from torch import nn

from rat_modules.errors import PluginError, RatError, ShapeError
from rat_modules.registry import PluginState, get_catalog, plugin_states
from rat_modules.testing import ConformanceError, check_generator, check_layer, check_op, check_plugin
from rat_modules.testing.memory import poisoned_memory
from rat_modules.testing.sizes import odd_sizes

from . import broken_modules as modules
from . import broken_networks as networks
from . import unusual
from .broken_plugins import Hooks


def test_a_component_is_left_as_it_is() -> None:
    network = nn.Sequential(nn.Linear(4, 3), nn.BatchNorm1d(3), nn.Dropout()).train()
    network[1].eval()
    before = copy.deepcopy(network.state_dict())
    check_layer(network, (torch.randn(3, 4),))
    assert all(torch.equal(before[name], tensor) for name, tensor in network.state_dict().items())
    assert [module.training for module in network.modules()] == [True, True, False, True]
    assert all(weight.grad is None for weight in network.parameters())


def test_a_property_that_need_not_hold_is_named_with_its_reason() -> None:
    report = check_op(torch.sin, (torch.randn(2, 3),), skip={"layouts": "rows only"})
    assert report.unchecked["layouts"] == "rows only" and "layouts" not in report.checked
    assert "not checked: layouts (rows only)" in str(report)
    with pytest.raises(RatError, match=r"skip: got 'layout', expected one of .*did you mean 'layouts'"):
        check_op(torch.sin, (torch.randn(2, 3),), skip={"layout": "rows only"})


def test_weights_as_they_are() -> None:
    closed = networks.Generator()
    for fuse in closed.fuse:
        nn.init.zeros_(fuse.weight)
    check_generator(closed, compiled=False)
    with pytest.raises(ConformanceError, match="another sentence gives the same picture"):
        check_generator(closed, compiled=False, stir=False)


@pytest.mark.parametrize(
    ("call", "line"),
    [
        (lambda: check_layer(nn.Linear(4, 3), (torch.randn(1, 4),)), "inputs: got batches of [1], expected one batch"),
        (lambda: check_op(torch.sin, (torch.arange(3),)), "inputs of an op: got none of a floating-point type"),
        (lambda: check_op(torch.sin, (torch.randn(3),), shapes=("n", "c")), "shapes of an op: got 2 for 1 inputs"),
        (lambda: odd_sizes(["n c"], {"h": 2}), "least: got 'h', expected one of n, c"),
    ],
)
def test_what_cannot_be_checked_is_refused(call, line: str) -> None:
    with pytest.raises(RatError) as refusal:
        call()
    assert str(refusal.value).startswith(line)
    assert isinstance(refusal.value, ShapeError) is ("least" in line)


def test_a_forward_derivative_that_is_wrong() -> None:
    class Sine(torch.autograd.Function):
        generate_vmap_rule = True

        @staticmethod
        def forward(x):
            return x.sin()

        @staticmethod
        def setup_context(ctx, inputs, output):
            ctx.save_for_backward(*inputs)
            ctx.save_for_forward(*inputs)

        @staticmethod
        def backward(ctx, grad):
            return grad * ctx.saved_tensors[0].cos()

        @staticmethod
        def jvp(ctx, tangent):
            return 2 * tangent * ctx.saved_tensors[0].cos()

    check_op(Sine.apply, (torch.randn(2, 3),))
    with pytest.raises(ConformanceError, match="the forward-mode derivative is not that of finite differences"):
        check_op(Sine.apply, (torch.randn(2, 3),), forward_mode=True)


def test_memory_is_poisoned_no_longer_than_asked() -> None:
    mode = torch.get_deterministic_debug_mode()
    with pytest.raises(ZeroDivisionError), poisoned_memory():
        assert torch.empty(3, dtype=torch.bfloat16).isnan().all()
        raise ZeroDivisionError
    assert torch.get_deterministic_debug_mode() == mode == 0


def test_a_borrowed_plugin_is_given_back() -> None:
    entries, states = len(get_catalog()), plugin_states()
    report = check_plugin(Hooks(("cells", "mine", modules.GRUCell, "three gates")))
    assert report.subject == "plugin 'Hooks'" and report.parts[0].subject == "cells 'mine'"
    with pytest.raises(ConformanceError):
        check_plugin(Hooks(("cells", "gru", modules.GRUCell, "a taken name")))
    assert len(get_catalog()) == entries and plugin_states() == states


def test_every_kind_and_what_was_left_out(tmp_path: Path) -> None:
    tmp_path.joinpath("mine.toml").write_text('extends = "ratgan-tiny"\nsummary = "of the tests"\n')
    rows = [
        ("layers", "attention", "rat_modules:SoftThresholdAttention"),
        ("layers", "recurrent", "rat_modules:RecurrentAffine"),
        ("layers", "masked", unusual.Masked),
        ("cells", "cell", modules.GRUCell),
        ("fusions", "fusion", "rat_modules.layers.fusion:AffineFusion"),
        ("losses", "loss", "rat_modules:MAGPHingeLoss"),
        ("discriminators", "judge", "rat_modules.models.discriminator:RATDiscriminator"),
        ("text_encoders", "words", networks.TextEncoder),
        ("text_encoders", "damsm-like", "rat_modules.text.damsm:DAMSMTextEncoder"),
        ("datasets", "drawn", modules.Shapes),
        ("datasets", "on-disk", "rat_modules.data.folder:ImageFolder"),
        ("metrics", "metric", "rat_modules.evaluation.shapes_accuracy:ShapesAccuracy"),
        ("families", "family", "rat_modules.checkpoints.ratgan_family:FLOWER"),
        ("recipes", "recipe", tmp_path / "mine.toml"),
    ]
    hooks = Hooks(*((*row, "of the tests") for row in rows))
    report = check_plugin(hooks)
    assert {part.subject for part in report.parts} == {f"{kind} {name!r}" for kind, name, _ in rows}
    assert report.everything_unchecked() == {
        "layers 'recurrent': attention": "it gives no map beside what it weighs",
        "text_encoders 'damsm-like': everything": (
            "it asks for vocabulary: give one, given={'text_encoders/damsm-like': ...}"
        ),
        "datasets 'on-disk': everything": "it asks for root: give one, given={'datasets/on-disk': ...}",
        "layers 'masked': everything": (
            "its forward asks for mask beside features and condition: check_layer can be given them"
        ),
        "families 'family': everything": "`convert` proves them, with a published file",
        "recipes 'recipe': text encoder": "sentences are drawn at random, 'wordllama' is not asked",
    }
    assert "        dtypes" in str(report).splitlines()


def test_what_the_caller_gives_is_checked() -> None:
    hooks = Hooks(("text_encoders", "damsm-like", "rat_modules.text.damsm:DAMSMTextEncoder", "with a vocabulary"))
    assert check_plugin(hooks, given={"text_encoders/damsm-like": networks.TextEncoder()}).everything_unchecked() == {}
    with pytest.raises(ConformanceError, match="plugin 'Hooks': text_encoders 'damsm-like': Padding: the sentence"):
        check_plugin(hooks, given={"text_encoders/damsm-like": networks.Padding()})
    skip = {"text_encoders/damsm-like": {"no company": "it reads its padding"}}
    report = check_plugin(hooks, given={"text_encoders/damsm-like": networks.Padding()}, skip=skip)
    assert report.everything_unchecked() == {"text_encoders 'damsm-like': no company": "it reads its padding"}
    with pytest.raises(RatError, match=r"got 'text_encoders/damsm', .*did you mean 'text_encoders/damsm-like'"):
        check_plugin(hooks, given={"text_encoders/damsm": networks.TextEncoder()})


def test_a_file_with_hooks(tmp_path: Path) -> None:
    file = tmp_path / "own_cell.py"
    file.write_text(
        "from rat_modules import hookimpl\n\n\n@hookimpl\ndef register_cells(register):\n"
        "    register('own', 'rat_modules.layers.cells:LSTMCell', summary='the published one')\n"
    )
    assert check_plugin(file).subject == check_plugin(str(file)).subject == "plugin 'own_cell'"
    file.write_text("1 / 0\n")
    with pytest.raises(ConformanceError, match="plugin 'own_cell': it does not load: ZeroDivisionError"):
        check_plugin(file)


def test_a_blocked_plugin_is_not_passed(monkeypatch: pytest.MonkeyPatch) -> None:
    states = [PluginState("mine", "my-package 1.0", "blocked")]
    monkeypatch.setattr("rat_modules.testing.plugin.plugin_states", lambda: states)
    for name in ("mine", "my-package", "my_package"):
        with pytest.raises(ConformanceError, match="plugin 'mine': it is blocked here"):
            check_plugin(name)


def test_names_of_what_is_not_installed_are_refused() -> None:
    with pytest.raises(PluginError, match=r"plugin: got 'builtin', expected one of builtins.*did you mean 'builtins'"):
        check_plugin("builtin")
