"""One fusion step on its features, and the planning of all steps at once beside their evaluation block by block."""

from collections.abc import Callable, Sequence
from functools import partial

import pytest
import torch
from torch import Tensor

from rat_modules.checkpoints.published_keys import ratgan_generator
from rat_modules.layers.controller import RecurrentController
from rat_modules.models.generator import RATGenerator
from rat_modules.ops.affine import affine_leaky
from tests import published_style as published
from tests.published_weights import generator_shapes, given, load_published, weights

CUDA = torch.cuda.is_available()
BATCH, WIDTH, SIZE = (64, 64, 256) if CUDA else (8, 32, 64)
PASSES = {"forward": 1, "forward and backward": 3}  # and how often features and weights have to be read or written


class Case:
    """The published generator's weights, the same in ours, and what goes in."""

    def __init__(self, device: torch.device) -> None:
        theirs = weights(generator_shapes(WIDTH, SIZE), "netG", 1)
        self.generator = RATGenerator(RecurrentController(256, noise_dim=100), width=WIDTH, image_size=SIZE).to(device)
        self.names = load_published(self.generator, theirs, ratgan_generator(4))
        self.theirs = {key: value.to(device).requires_grad_() for key, value in theirs.items()}
        self.noise, self.sentence = given("z", (BATCH, 100), 1).to(device), given("s", (BATCH, 256), 1).to(device)

    def call(
        self, provider: str, op: Callable[[], Sequence[Tensor]], passes: str, part: tuple[str, ...]
    ) -> tuple[Tensor, ...]:
        """The outputs, or their gradients by the weights whose published name begins with one of `part`."""
        if passes == "forward":
            with torch.no_grad():
                return tuple(op())
        ours = dict(self.generator.named_parameters())
        keys = [key for key in self.names if key.startswith(part)]
        by = [ours[self.names[key]] if provider == "ours" else self.theirs[key] for key in keys]
        outputs = op()
        return torch.autograd.grad(outputs, by, [torch.ones_like(each) for each in outputs])


@pytest.mark.parametrize("provider", ["published", "ours", "copy"])
@pytest.mark.parametrize("passes", PASSES)
@pytest.mark.benchmark(min_rounds=3, max_time=0.3)
def test_fusion_step(
    provider: str, passes: str, device: torch.device, same: Callable, timed: Callable, copied: Callable, benchmark
) -> None:
    channels, side = 2 * WIDTH, SIZE // 2
    benchmark.group = f"fusion step: {BATCH} {channels} {side} {side}, {passes}"
    case = Case(device)
    last = len(case.generator.blocks) - 2  # the block before the last, whose features these are
    name, layer = f"block{last}.affine2", case.generator.blocks[last].fuse2.affines[0]
    x = given("x", (BATCH, channels, side, side), 1).to(device).contiguous(memory_format=torch.channels_last)
    x.requires_grad_()
    state = tuple(each.detach() for each in published.start(case.theirs, case.noise))

    def plain() -> tuple[Tensor, ...]:
        hidden, cell = published.advance(case.theirs, case.sentence, state)
        return published.modulate(x, *published.modulation(case.theirs, name, hidden)), hidden, cell

    def ours() -> tuple[Tensor, ...]:
        hidden, following = case.generator.controller.step(case.sentence, state)
        gamma, beta = layer.modulation(hidden)
        return affine_leaky(x, gamma[None], beta[None]), *following

    part = (name, "lstm.W", "lstm.U", "lstm.bias")
    read = sum(value.numel() for key, value in case.theirs.items() if key.startswith(part))
    moved = 4 * PASSES[passes] * (2 * x.numel() + read)
    if provider == "copy":
        copied(moved)
        return
    calls = {who: partial(case.call, who, op, passes, part) for who, op in (("published", plain), ("ours", ours))}
    for mine, their in zip(calls["ours"](), calls["published"](), strict=True):
        same(mine, their)
    timed(calls[provider], moved=moved)


@pytest.mark.parametrize("provider", ["published", "ours"])
@pytest.mark.parametrize("passes", PASSES)
@pytest.mark.benchmark(min_rounds=3, max_time=0.3)
def test_plan(provider: str, passes: str, device: torch.device, same: Callable, timed: Callable, benchmark) -> None:
    case = Case(device)
    blocks, steps = len(case.generator.blocks), case.generator.steps
    benchmark.group = f"plan: {steps} steps, batch {BATCH}, {SIZE} px, width {WIDTH}, {passes}"

    def plain() -> list[Tensor]:
        state, planned = published.start(case.theirs, case.noise), []
        for block in range(blocks):
            for number in (number for half in published.ORDER[4] for number in half):
                state = published.advance(case.theirs, case.sentence, state)
                planned += published.modulation(case.theirs, f"block{block}.affine{number}", state[0])
        return planned

    def ours() -> list[Tensor]:
        return [each for pair in case.generator.plan(case.noise, case.sentence).modulations for each in pair]

    part = ("lstm", *(f"block{block}.affine" for block in range(blocks)))
    calls = {who: partial(case.call, who, op, passes, part) for who, op in (("published", plain), ("ours", ours))}
    mine = calls["ours"]()
    if passes == "forward":  # ours lie together, fusion by fusion
        pairs = zip(mine[::2], mine[1::2], strict=True)
        mine = tuple(each for pair in pairs for step in zip(*pair, strict=True) for each in step)
    for own, their in zip(mine, calls["published"](), strict=True):
        same(own, their, **({} if CUDA else {"tolerance": 1e-4}))
    timed(calls[provider])
