"""The published computation of DF-GAN stated in plain torch calls, with weights under the published keys."""

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
    return json.loads((GOLDEN / "dfgan.json").read_text(encoding="utf-8"))


def weights(shapes: Shapes, net: str, seed: int) -> dict[str, Tensor]:
    return {key: torch.from_numpy(fill.tensor(f"{net}.{key}", shape, seed)) for key, shape in shapes.items()}


def given(name: str, shape: Sequence[int], seed: int) -> Tensor:
    return torch.from_numpy(fill.uniform(name, int(np.prod(shape)), seed).reshape(shape).astype(np.float32))


def shapes(width: int, size: int, *, noise: int = 100, sentence: int = 256) -> dict[str, Shapes]:
    """Published keys and shapes of all three networks."""
    blocks = size.bit_length() - 3
    down = [width * min(8, 2**level) for level in range(blocks + 1)]
    up = down[::-1]
    net_g: dict[str, Sequence[int]] = {"fc.weight": (16 * up[0], noise), "fc.bias": (16 * up[0],)}
    net_d: dict[str, Sequence[int]] = _conv("conv_img", 3, width, 3)
    for block in range(blocks):
        before, after, name = up[block], up[block + 1], f"GBlocks.{block}"
        net_g |= _conv(f"{name}.c1", before, after, 3) | _conv(f"{name}.c2", after, after, 3)
        net_g |= _conv(f"{name}.c_sc", before, after, 1) if before != after else {}
        for fuse, features in (("fuse1", before), ("fuse2", after)):
            for affine in ("affine0", "affine1"):
                for half in ("fc_gamma", "fc_beta"):
                    inner = f"{name}.{fuse}.{affine}.{half}"
                    net_g |= {f"{inner}.linear1.weight": (features, noise + sentence)}
                    net_g |= {f"{inner}.linear2.weight": (features, features)}
                    net_g |= {f"{inner}.linear{n}.bias": (features,) for n in (1, 2)}
        before, after, name = down[block], down[block + 1], f"DBlocks.{block}"
        net_d |= {f"{name}.gamma": (1,), f"{name}.conv_r.0.weight": (after, before, 4, 4)}
        net_d |= {f"{name}.conv_r.2.weight": (after, after, 3, 3)} | _conv(f"{name}.conv_s", before, after, 1)
    net_g |= _conv("to_rgb.1", width, 3, 3)
    joint = {"joint_conv.0.weight": (2 * width, down[-1] + sentence, 3, 3), "joint_conv.2.weight": (1, 2 * width, 4, 4)}
    return {"netG": net_g, "netD": net_d, "netC": joint}


def generator(net: Weights, noise: Tensor, sentence: Tensor) -> Tensor:
    condition = torch.cat([noise, sentence], 1)
    x = _linear(net, "fc", noise).unflatten(1, (-1, 4, 4))
    for name in _blocks(net, "GBlocks"):
        x = functional.interpolate(x, scale_factor=2.0)
        residual = x
        for number in (1, 2):
            for affine in ("affine0", "affine1"):
                gamma, beta = (
                    _perceptron(net, f"{name}.fuse{number}.{affine}.{half}", condition)[:, :, None, None]
                    for half in ("fc_gamma", "fc_beta")
                )
                residual = functional.leaky_relu(gamma * residual + beta, 0.2)
            residual = _convolve(net, f"{name}.c{number}", residual)
        x = (_convolve(net, f"{name}.c_sc", x) if f"{name}.c_sc.weight" in net else x) + residual
    return torch.tanh(_convolve(net, "to_rgb.1", functional.leaky_relu(x, 0.2)))


def features(net: Weights, images: Tensor) -> Tensor:
    x = _convolve(net, "conv_img", images)
    for name in _blocks(net, "DBlocks"):
        residual = functional.conv2d(x, net[f"{name}.conv_r.0.weight"], stride=2, padding=1)
        residual = functional.conv2d(functional.leaky_relu(residual, 0.2), net[f"{name}.conv_r.2.weight"], padding=1)
        after, before = net[f"{name}.conv_s.weight"].shape[:2]
        shortcut = _convolve(net, f"{name}.conv_s", x) if after != before else x
        x = functional.avg_pool2d(shortcut, 2) + net[f"{name}.gamma"] * functional.leaky_relu(residual, 0.2)
    return x


def logits(net: Weights, features: Tensor, sentence: Tensor) -> Tensor:
    joint = torch.cat([features, sentence[:, :, None, None].expand(-1, -1, 4, 4)], 1)
    inner = functional.leaky_relu(functional.conv2d(joint, net["joint_conv.0.weight"], padding=1), 0.2)
    return functional.conv2d(inner, net["joint_conv.2.weight"]).flatten()


def _conv(name: str, before: int, after: int, size: int) -> dict[str, Sequence[int]]:
    return {f"{name}.weight": (after, before, size, size), f"{name}.bias": (after,)}


def _blocks(net: Weights, kind: str) -> list[str]:
    return sorted({".".join(key.split(".")[:2]) for key in net if key.startswith(kind)})


def _linear(net: Weights, name: str, x: Tensor) -> Tensor:
    return functional.linear(x, net[f"{name}.weight"], net[f"{name}.bias"])


def _perceptron(net: Weights, name: str, x: Tensor) -> Tensor:
    return _linear(net, f"{name}.linear2", functional.relu(_linear(net, f"{name}.linear1", x)))


def _convolve(net: Weights, name: str, x: Tensor) -> Tensor:
    weight = net[f"{name}.weight"]
    return functional.conv2d(x, weight, net[f"{name}.bias"], padding=weight.shape[2] // 2)
