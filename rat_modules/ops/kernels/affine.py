"""Affines and leaky rectifiers in turn: one pass over memory forward, one backward."""

import os

import torch
import triton
import triton.language as tl
from torch import Tensor

# numbers in a tile: enough to hide the latency of memory, few enough for the registers of the backward pass
_TILE = 4096
# as triton decides it, when the kernels below are made
INTERPRETED = os.environ.get("TRITON_INTERPRET", "0").lower() in ("1", "true", "on")


@triton.jit
def _stage(value, gamma, beta, negative_slope):
    value = gamma * value + beta
    return tl.where(value > 0, value, negative_slope * value)


@triton.jit
def _forward(
    x, gamma, beta, out, samples, channels, places, by_n, by_c, by_p,
    negative_slope: tl.constexpr,  # a plain number would be rounded to float32
    STEPS: tl.constexpr, CHANNELS: tl.constexpr, PLACES: tl.constexpr, WIDE: tl.constexpr,
):  # fmt: skip
    tiles = tl.cdiv(channels, CHANNELS)
    sample = (tl.program_id(0) // (tiles * tl.cdiv(places, PLACES))).to(tl.int64)
    within = tl.program_id(0) % (tiles * tl.cdiv(places, PLACES))
    c = (within % tiles) * CHANNELS + tl.arange(0, CHANNELS)
    p = (within // tiles) * PLACES + tl.arange(0, PLACES)
    inside = (p[:, None] < places) & (c[None, :] < channels)
    at = sample * by_n + p[:, None].to(tl.int64) * by_p + c[None, :].to(tl.int64) * by_c
    value = tl.load(x + at, mask=inside).to(WIDE)
    for step in tl.static_range(STEPS):
        row = (step * samples + sample) * channels + c
        scale = tl.load(gamma + row, mask=c < channels).to(WIDE)
        shift = tl.load(beta + row, mask=c < channels).to(WIDE)
        value = _stage(value, scale[None, :], shift[None, :], negative_slope)
    tl.store(out + at, value, mask=inside)


@triton.jit
def _backward(
    x, gamma, beta, grad, grad_x, sums, samples, channels, places, by_n, by_c, by_p,
    negative_slope: tl.constexpr,  # a plain number would be rounded to float32
    STEPS: tl.constexpr, CHANNELS: tl.constexpr, PLACES: tl.constexpr, WIDE: tl.constexpr,
):  # fmt: skip
    tiles = tl.cdiv(channels, CHANNELS)
    sample = (tl.program_id(0) // (tiles * tl.cdiv(places, PLACES))).to(tl.int64)
    within = tl.program_id(0) % (tiles * tl.cdiv(places, PLACES))
    c = (within % tiles) * CHANNELS + tl.arange(0, CHANNELS)
    tile = within // tiles
    p = tile * PLACES + tl.arange(0, PLACES)
    inside = (p[:, None] < places) & (c[None, :] < channels)
    at = sample * by_n + p[:, None].to(tl.int64) * by_p + c[None, :].to(tl.int64) * by_c
    start = tl.load(x + at, mask=inside, other=0.0).to(WIDE)
    flow = tl.load(grad + at, mask=inside, other=0.0).to(WIDE)
    for back in tl.static_range(STEPS):
        value = start
        # the stages before this one once more: arithmetic is free beside a pass over memory
        for step in tl.static_range(STEPS - 1 - back):
            row = (step * samples + sample) * channels + c
            scale = tl.load(gamma + row, mask=c < channels).to(WIDE)
            shift = tl.load(beta + row, mask=c < channels).to(WIDE)
            value = _stage(value, scale[None, :], shift[None, :], negative_slope)
        row = ((STEPS - 1 - back) * samples + sample) * channels + c
        scale = tl.load(gamma + row, mask=c < channels).to(WIDE)
        shift = tl.load(beta + row, mask=c < channels).to(WIDE)
        flow = tl.where(scale[None, :] * value + shift[None, :] > 0, flow, negative_slope * flow)
        # a sum per tile, added up outside in a fixed order: atomic additions would give other digits each time
        into = sums + tile.to(tl.int64) * 2 * STEPS * samples * channels + row
        tl.store(into, tl.sum(flow * value, 0), mask=c < channels)
        tl.store(into + STEPS * samples * channels, tl.sum(flow, 0), mask=c < channels)
        flow = flow * scale[None, :]
    tl.store(grad_x + at, flow, mask=inside)


def unfit(x: Tensor) -> str | None:
    """Why these kernels cannot take features 'n c ...'; None where they can."""
    if x.dtype not in _WIDE:
        return f"features are {x.dtype}"
    if x.numel() == 0:
        return "there are no features"
    return None


def affine_leaky(x: Tensor, gamma: Tensor, beta: Tensor, negative_slope: float) -> Tensor:
    """The forward pass of `rat_modules.ops.affine.affine_leaky`; arguments as there, gamma and beta of x's dtype."""
    layout = memory_format(x)
    x = x.contiguous(memory_format=layout)
    out = torch.empty_like(x, memory_format=layout)
    sizes, strides, grid, tile = _geometry(x, layout)
    with torch.cuda.device_of(x):
        _forward[grid](
            x, gamma.contiguous(), beta.contiguous(), out, *sizes, *strides, negative_slope,
            STEPS=len(gamma), **tile, WIDE=_WIDE[x.dtype],
        )  # fmt: skip
    return out


def affine_leaky_backward(
    grad: Tensor, x: Tensor, gamma: Tensor, beta: Tensor, negative_slope: float
) -> tuple[Tensor, Tensor, Tensor]:
    """Gradients of x 'n c ...', gamma 'j n c' and beta 'j n c' from that of the output."""
    layout = memory_format(x)
    x, grad = x.contiguous(memory_format=layout), grad.contiguous(memory_format=layout)
    grad_x = torch.empty_like(x, memory_format=layout)
    sizes, strides, grid, tile = _geometry(x, layout)
    tiles = triton.cdiv(sizes[2], tile["PLACES"])
    wide = torch.float64 if x.dtype == torch.float64 else torch.float32
    sums = torch.empty(tiles, 2, *gamma.shape, dtype=wide, device=x.device)
    with torch.cuda.device_of(x):
        _backward[grid](
            x, gamma.contiguous(), beta.contiguous(), grad, grad_x, sums, *sizes, *strides, negative_slope,
            STEPS=len(gamma), **tile, WIDE=_WIDE[x.dtype],
        )  # fmt: skip
    for_gamma, for_beta = sums.sum(0).to(gamma.dtype)
    return grad_x, for_gamma, for_beta


_WIDE = {
    torch.float16: tl.float32, torch.bfloat16: tl.float32, torch.float32: tl.float32, torch.float64: tl.float64
}  # fmt: skip


def memory_format(x: Tensor) -> torch.memory_format:
    """How the output and the gradient of x lie in memory."""
    last = {4: torch.channels_last, 5: torch.channels_last_3d}.get(x.ndim)
    return last if last is not None and x.is_contiguous(memory_format=last) else torch.contiguous_format


def _geometry(
    x: Tensor, layout: torch.memory_format
) -> tuple[tuple[int, int, int], tuple[int, int, int], tuple[int], dict[str, int]]:
    """Sizes and steps in memory of samples, channels and places; then the grid, and the tile of one program."""
    samples, channels = x.shape[:2]
    places = x.shape[2:].numel()
    first = layout == torch.contiguous_format
    # written out, since torch leaves the stride of a dimension of size one to chance
    strides = (channels * places, places, 1) if first else (channels * places, 1, channels)
    # neighbours in memory side by side in a tile
    wide = 1 if first else min(triton.next_power_of_2(channels), 128)
    tall = min(triton.next_power_of_2(places), _TILE // wide)
    grid = (samples * triton.cdiv(channels, wide) * triton.cdiv(places, tall),)
    return (samples, channels, places), strides, grid, {"CHANNELS": wide, "PLACES": tall}
