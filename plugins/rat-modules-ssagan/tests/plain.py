"""The published computation of SSA-GAN's netG stated in plain torch calls, with weights under the published keys."""

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional

from .golden import fill

GOLDEN = Path(__file__).parent / "golden"
Shapes = Mapping[str, Sequence[int]]
Weights = Mapping[str, Tensor]


def facts() -> dict[str, Any]:
    return json.loads((GOLDEN / "ssagan.json").read_text(encoding="utf-8"))


def weights(shapes: Shapes, net: str, seed: int) -> dict[str, Tensor]:
    filled = {key: torch.from_numpy(fill.tensor(f"{net}.{key}", shape, seed)) for key, shape in shapes.items() if shape}
    filled |= {key: torch.zeros((), dtype=torch.long) for key, shape in shapes.items() if not shape}
    return {key: value.abs() + 0.5 if key.endswith("running_var") else value for key, value in filled.items()}


def given(name: str, shape: Sequence[int], seed: int) -> Tensor:
    return torch.from_numpy(fill.uniform(name, int(np.prod(shape)), seed).reshape(shape).astype(np.float32))


def shapes(width: int, size: int, *, noise: int = 100, sentence: int = 256) -> Shapes:
    """Published keys and shapes of netG."""
    blocks = size.bit_length() - 2
    features = [width * min(8, 2 ** (blocks - 1 - block)) for block in range(blocks)]
    found: dict[str, Sequence[int]] = {"fc.weight": (16 * features[0], noise), "fc.bias": (16 * features[0],)}
    found |= _mask("conv_mask", features[0])
    for block, (before, after) in enumerate(zip([features[0], *features], features, strict=False)):
        name = f"block{block}"
        found |= {f"{name}.gamma": (1,)} | _conv(f"{name}.c1", before, after, 3) | _conv(f"{name}.c2", after, after, 3)
        found |= _conv(f"{name}.c_sc", before, after, 1) if before != after else {}
        for affine, channels in (("affine0", before), ("affine2", after)):
            found |= _statistics(f"{name}.{affine}.batch_norm2d", channels)
            for half in ("fc_gamma", "fc_beta"):
                inner = f"{name}.{affine}.{half}"
                found |= {f"{inner}.linear1.weight": (sentence, sentence), f"{inner}.linear1.bias": (sentence,)}
                found |= {f"{inner}.linear2.weight": (channels, sentence), f"{inner}.linear2.bias": (channels,)}
        found |= _mask(f"{name}.conv_mask", after) if block < blocks - 1 else {}
    found |= {"conv_img.0.weight": (width,), "conv_img.0.bias": (width,), **_statistics("conv_img.0", width)}
    return found | _conv("conv_img.2", width, 3, 3)


def generator(net: Weights, noise: Tensor, sentence: Tensor) -> tuple[Tensor, list[Tensor]]:
    """The picture and the mask of every block, in evaluation mode."""
    x = functional.linear(noise, net["fc.weight"], net["fc.bias"]).unflatten(1, (-1, 4, 4))
    masks = [torch.sigmoid(_mask_logits(net, "conv_mask", x))]
    blocks = 1 + max(int(key.split(".")[0][5:]) for key in net if key.startswith("block"))
    for name in (f"block{block}" for block in range(blocks)):
        residual = x
        for affine, convolution in (("affine0", "c1"), ("affine2", "c2")):
            gamma, beta = (
                _perceptron(net, f"{name}.{affine}.{half}", sentence)[:, :, None, None]
                for half in ("fc_gamma", "fc_beta")
            )
            normal = _normalise(net, f"{name}.{affine}.batch_norm2d", residual)
            residual = functional.relu((1 + masks[-1] * gamma) * normal + masks[-1] * beta)
            residual = _convolve(net, f"{name}.{convolution}", residual)
        x = (_convolve(net, f"{name}.c_sc", x) if f"{name}.c_sc.weight" in net else x) + net[f"{name}.gamma"] * residual
        if f"{name}.conv_mask.0.weight" in net:
            logits = _mask_logits(net, f"{name}.conv_mask", x)
            logits = functional.interpolate(logits, scale_factor=2.0, mode="bilinear", align_corners=True)
            masks.append(torch.sigmoid(logits))
            x = functional.interpolate(x, scale_factor=2.0)
    x = functional.leaky_relu(_normalise(net, "conv_img.0", x), 0.2)
    return torch.tanh(_convolve(net, "conv_img.2", x)), masks


def _conv(name: str, before: int, after: int, size: int) -> dict[str, Sequence[int]]:
    return {f"{name}.weight": (after, before, size, size), f"{name}.bias": (after,)}


def _statistics(name: str, channels: int) -> dict[str, Sequence[int]]:
    sizes = {"running_mean": (channels,), "running_var": (channels,), "num_batches_tracked": ()}
    return {f"{name}.{key}": size for key, size in sizes.items()}


def _mask(name: str, channels: int) -> dict[str, Sequence[int]]:
    norm = {f"{name}.1.weight": (100,), f"{name}.1.bias": (100,), **_statistics(f"{name}.1", 100)}
    return _conv(f"{name}.0", channels, 100, 3) | norm | _conv(f"{name}.3", 100, 1, 1)


def _mask_logits(net: Weights, name: str, x: Tensor) -> Tensor:
    inner = functional.relu(_normalise(net, f"{name}.1", _convolve(net, f"{name}.0", x)))
    return _convolve(net, f"{name}.3", inner)


def _normalise(net: Weights, name: str, x: Tensor) -> Tensor:
    mean, variance = net[f"{name}.running_mean"], net[f"{name}.running_var"]
    return functional.batch_norm(x, mean, variance, net.get(f"{name}.weight"), net.get(f"{name}.bias"))


def _perceptron(net: Weights, name: str, x: Tensor) -> Tensor:
    inner = functional.relu(functional.linear(x, net[f"{name}.linear1.weight"], net[f"{name}.linear1.bias"]))
    return functional.linear(inner, net[f"{name}.linear2.weight"], net[f"{name}.linear2.bias"])


def _convolve(net: Weights, name: str, x: Tensor) -> Tensor:
    weight = net[f"{name}.weight"]
    return functional.conv2d(x, weight, net[f"{name}.bias"], padding=weight.shape[2] // 2)
