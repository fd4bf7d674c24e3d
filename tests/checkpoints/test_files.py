"""Weights that are taken, and weights that are not."""

import math
import re
from collections.abc import Callable
from pathlib import Path

import pytest
import torch
from safetensors.torch import save_file
from torch import nn

import rat_modules
from rat_modules.checkpoints.files import FORMAT, load_weights, read_safetensors, write_safetensors
from rat_modules.errors import CheckpointError

from ..plates import small_model


def network() -> nn.Module:
    return nn.Sequential(nn.Linear(3, 2), nn.BatchNorm1d(2))


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16, torch.float32, torch.float64])
def test_another_precision_is_taken(dtype: torch.dtype) -> None:
    source, taken = network(), network()
    weights = {name: t.to(dtype) if t.is_floating_point() else t for name, t in source.state_dict().items()}
    load_weights(taken, weights, "a file")
    assert torch.equal(taken[0].weight, weights["0.weight"].float())


@pytest.mark.parametrize(
    ("name", "changed", "reason"),
    [
        ("0.weight", torch.ones(2, 3, dtype=torch.int64), "0.weight is whole numbers, expected floating"),
        ("0.weight", torch.ones(2, 3, dtype=torch.bool), "0.weight is whole numbers, expected floating"),
        ("0.weight", torch.ones(2, 3, dtype=torch.complex64), "0.weight is complex, expected floating"),
        ("1.num_batches_tracked", torch.tensor(1.5), "num_batches_tracked is floating, expected whole numbers"),
        ("0.weight", torch.ones(3, 2), "0.weight is (3, 2), expected (2, 3)"),
        ("0.bias", torch.tensor([0.0, math.nan]), "a file: got weights that are not finite: 0.bias, expected finite"),
        ("0.bias", torch.tensor([0.0, -math.inf]), "a file: got weights that are not finite: 0.bias, expected finite"),
        ("0.bias", torch.tensor([0.0, 1e300], dtype=torch.float64), "weights that are not finite: 0.bias"),
    ],
)
def test_weights_that_are_none(name: str, changed: torch.Tensor, reason: str) -> None:
    with pytest.raises(CheckpointError, match=re.escape(reason)):
        load_weights(network(), {**network().state_dict(), name: changed}, "a file")


def test_a_model_of_nan_draws_nothing(refused: Callable, tmp_path: Path) -> None:
    file = small_model(tmp_path / "model") / "generator.safetensors"
    tensors, metadata = read_safetensors(file)
    write_safetensors(file, {name: torch.full_like(tensor, math.nan) for name, tensor in tensors.items()}, metadata)
    with pytest.raises(CheckpointError, match=f"{len(tensors) - 1} more, expected finite numbers; its training"):
        rat_modules.load(file)
    line = refused("sample", file, "--caption", "a plate", "--out", tmp_path / "out")
    assert line.startswith(f"{file}: got weights that are not finite: ") and not (tmp_path / "out").exists()


@pytest.mark.parametrize("written", [None, "pt", FORMAT])
def test_formats_that_are_read(tmp_path: Path, written: str | None) -> None:
    metadata = None if written is None else {"format": written}
    save_file({"a": torch.ones(1)}, tmp_path / "x.safetensors", metadata=metadata)
    assert read_safetensors(tmp_path / "x.safetensors")[1].get("format") == written


@pytest.mark.parametrize(
    ("written", "hint"),
    [
        ("rat_modules/2", "a newer rat-modules wrote it: upgrade"),
        ("other/1", "it is no model of rat-modules"),
        ("", "it is no model of rat-modules"),
    ],
)
def test_formats_that_are_not(tmp_path: Path, written: str, hint: str) -> None:
    save_file({"a": torch.ones(1)}, tmp_path / "x.safetensors", metadata={"format": written})
    reason = f"format of {tmp_path / 'x.safetensors'}: got {written!r}, expected 'rat_modules/1'; {hint}"
    with pytest.raises(CheckpointError, match=re.escape(reason)):
        read_safetensors(tmp_path / "x.safetensors")
