"""What is sound passes every check, and the report says what was not looked at."""

from collections.abc import Callable
from functools import partial
from typing import Any

import pytest
import torch
from torch import Tensor, nn

from rat_modules import MAGPHingeLoss, RecurrentController
from rat_modules.data.mini import Mini
from rat_modules.data.shapes import Shapes
from rat_modules.layers.cells import CELLS
from rat_modules.layers.fusion import AffineFusion, BatchNormFusion, InstanceNormFusion, SemanticSpatialFusion
from rat_modules.models.generator import RATGenerator
from rat_modules.testing import (
    Report,
    check_cell,
    check_dataset,
    check_discriminator,
    check_fusion,
    check_generator,
    check_layer,
    check_loss,
    check_op,
    check_recipe,
    check_text_encoder,
)
from rat_modules.text.damsm import DAMSMTextEncoder
from rat_modules.text.wordllama import WordLlamaTextEncoder

from . import broken_networks as networks
from . import unusual


def ratgan() -> RATGenerator:
    return RATGenerator(RecurrentController(6, noise_dim=5, hidden_dim=7), width=2, image_size=16)


def damsm() -> Report:
    encoder = DAMSMTextEncoder(["<end>", "a", "red", "bird", "small"], cond_dim=8).train()
    report = check_text_encoder(encoder, captions=["a bird", "a small red bird", "bird"])
    assert encoder.training, "left in the mode in which it was"
    return report


def op(function: Callable[..., object], *inputs: Tensor, **how: Any) -> Callable[[], Report]:
    return lambda: check_op(function, inputs, **how)


def layer(make: Callable[[], nn.Module], *inputs: Tensor) -> Callable[[], Report]:
    return lambda: check_layer(make(), inputs)


def called_before() -> nn.Module:
    module = unusual.LazyTable()
    module(torch.randn(3, 4))
    return module


NONE: set[str] = set()
NO_REFERENCE = {"equal to the reference"}
ROWS, PICTURES, WORDS = torch.randn(3, 4), torch.randn(3, 4, 5, 5), "n c h w"
HEALTHY: dict[str, tuple[Callable[[], Report], set[str]]] = {
    # name: (check, the properties that could not be checked)
    "sine": (lambda: check_op(torch.sin, (torch.randn(2, 3),), reference=torch.sin, shapes=("n c",)), NONE),
    "whole numbers": (
        lambda: check_op(lambda x, i: x.gather(1, i), (torch.randn(2, 3), torch.tensor([[0, 1], [2, 0]]))),
        {"equal to the reference", "odd sizes", "empty batch"},
    ),
    "values and places": (
        op(lambda x: x.topk(2, dim=-1), PICTURES, shapes=(WORDS,), least={"w": 2}), NO_REFERENCE
    ),
    "an input that is not used": (op(lambda x, y: 2 * x, PICTURES, PICTURES, shapes=(WORDS, WORDS)), NO_REFERENCE),
    "a mask": (op(lambda x, m: x.masked_fill(m, 0), PICTURES, PICTURES > 0, shapes=(WORDS, WORDS)), NO_REFERENCE),
    "a slope that is zero in truth": (
        op(lambda x, b: (x + b[:, None, None, None]).softmax(-1), PICTURES, ROWS[:, 0], shapes=(WORDS, "n")),
        NO_REFERENCE,
    ),
    "a norm of one place": (
        op(lambda x: nn.functional.layer_norm(x, x.shape[2:]), PICTURES, shapes=(WORDS,)), NO_REFERENCE
    ),
    "kinks in half precision": (
        op(lambda x, w: (x @ w).relu() @ w.mT, torch.randn(6, 5), torch.randn(5, 7), shapes=("n a", "a b")),
        NO_REFERENCE,
    ),
    "linear": (lambda: check_layer(nn.Linear(4, 3), (torch.randn(3, 4),)), NONE),
    "without weights": (lambda: check_layer(nn.Tanh(), (torch.randn(3, 4),)), NONE),
    "batch norm": (lambda: check_layer(nn.BatchNorm2d(2), (torch.randn(3, 2, 4, 4),)), NONE),
    "spectral norm": (
        lambda: check_layer(nn.utils.parametrizations.spectral_norm(nn.Linear(4, 3)), (torch.randn(3, 4),)),
        NONE,
    ),
    "convolution": (layer(lambda: nn.Conv2d(4, 3, 3), PICTURES), NONE),
    "layer norm": (layer(lambda: nn.LayerNorm(4), ROWS), NONE),
    "group norm": (layer(lambda: nn.GroupNorm(2, 4), PICTURES), NONE),
    "embedding": (layer(lambda: nn.Embedding(7, 3), torch.tensor([1, 5, 2])), NONE),
    "dropout": (layer(nn.Dropout, ROWS), NONE),
    "a bias before a norm": (layer(lambda: nn.Sequential(nn.Linear(4, 6), nn.BatchNorm1d(6)), ROWS), NONE),
    "LSTM": (layer(unusual.Steps, torch.randn(3, 2, 4)), NONE),
    "a branch that is dropped": (layer(unusual.DroppedBranch, ROWS), NONE),
    "tables in no file": (layer(unusual.Tables, ROWS), NONE),
    "a table made in the first call": (layer(unusual.LazyTable, ROWS), NONE),
    "a table made before": (layer(called_before, ROWS), NONE),
    "an example input": (layer(unusual.WithExample, ROWS), NONE),
    "half frozen": (layer(unusual.HalfFrozen, ROWS), NONE),
    **{f"fusion {kind.__name__}": (partial(check_fusion, kind), NONE) for kind in (
        AffineFusion, BatchNormFusion, InstanceNormFusion, SemanticSpatialFusion
    )},
    **{f"cell {name}": (partial(check_cell, cell), NONE) for name, cell in CELLS.items()},
    "loss": (lambda: check_loss(MAGPHingeLoss()), NONE),
    "least squares with R1": (lambda: check_loss(unusual.LeastSquaresR1()), NONE),
    "Wasserstein": (lambda: check_loss(unusual.Wasserstein()), NONE),
    "shapes": (lambda: check_dataset(Shapes(image_size=32), image_size=32), NONE),
    "mini": (lambda: check_dataset(Mini(image_size=32), image_size=32), NONE),
    "generator": (lambda: check_generator(networks.Generator()), NONE),
    "RAT-GAN as it starts": (lambda: check_generator(ratgan(), compiled=False), {"compiled in one graph"}),
    "discriminator": (lambda: check_discriminator(networks.Discriminator()), NONE),
    "words": (lambda: check_text_encoder(networks.TextEncoder()), NONE),
    "DAMSM": (damsm, NONE),
    "WordLlama": (lambda: check_text_encoder(WordLlamaTextEncoder()), NONE),
    "recipe": (lambda: check_recipe("ratgan-cbn"), {"text encoder"}),
}  # fmt: skip


@pytest.mark.parametrize(("check", "unchecked"), HEALTHY.values(), ids=HEALTHY)
def test_it_passes(check: Callable[[], Report], unchecked: set[str]) -> None:
    report = check()
    assert len(report.checked) > 3
    assert set(report.unchecked) == unchecked
