"""How many pictures a second: the published computation, the same compiled, and ours, eager and compiled."""

from collections.abc import Callable

import pytest
import torch
from torch import Tensor

from rat_modules.checkpoints.published_keys import ratgan_generator
from rat_modules.layers.controller import RecurrentController
from rat_modules.models.generator import RATGenerator
from tests import published_style as published
from tests.published_weights import generator_shapes, given, load_published, weights

CUDA = torch.cuda.is_available()
CASES = [(256, 32, 1), (256, 32, 4), (64, 32, 16)]  # image size, width, batch
if CUDA:
    CASES = [(256, 64, 1), (256, 64, 64), (64, 32, 256)]


class Sampler:
    """One case, and its providers by name."""

    def __init__(self, size: int, width: int, batch: int, device: torch.device) -> None:
        theirs = weights(generator_shapes(width, size), "netG", 1)
        controller = RecurrentController(256, noise_dim=100)
        self.generator = RATGenerator(controller, width=width, image_size=size).eval().to(device)
        load_published(self.generator, theirs, ratgan_generator(4))
        self.theirs = {key: value.to(device) for key, value in theirs.items()}
        self.inputs = given("z", (batch, 100), 1).to(device), given("s", (batch, 256), 1).to(device)
        self.device = device

    def published(self) -> Callable[[], Tensor]:
        return lambda: published.generator(self.theirs, *self.inputs).image

    def published_compiled(self) -> Callable[[], Tensor]:
        return self._compiled(lambda: published.generator(self.theirs, *self.inputs).image)

    def ours(self) -> Callable[[], Tensor]:
        return self._mixed(lambda: self.generator(*self.inputs))

    def ours_compiled(self) -> Callable[[], Tensor]:
        return self._compiled(lambda: self.generator(*self.inputs))

    def _compiled(self, call: Callable[[], Tensor]) -> Callable[[], Tensor]:
        # everything a user can add without touching the code: compiler, autocast, channels last
        last = {key: _last(value) for key, value in self.theirs.items()}
        self.theirs = last
        self.generator.to(memory_format=torch.channels_last)
        torch.compiler.reset()
        return self._mixed(torch.compile(call, mode="max-autotune-no-cudagraphs" if CUDA else None))

    def _mixed(self, call: Callable[[], Tensor]) -> Callable[[], Tensor]:
        def run() -> Tensor:
            with torch.autocast("cuda", torch.bfloat16, enabled=CUDA):
                return call().float()

        return run


def _last(value: Tensor) -> Tensor:
    return value.contiguous(memory_format=torch.channels_last) if value.ndim == 4 else value


PROVIDERS = ("published", "published_compiled", "ours", "ours_compiled")


@pytest.mark.parametrize("provider", PROVIDERS)
@pytest.mark.parametrize(("size", "width", "batch"), CASES)
@pytest.mark.benchmark(min_rounds=5, max_time=2.0)
def test_sampling(
    provider: str, size: int, width: int, batch: int, device: torch.device, same: Callable, timed: Callable, benchmark
) -> None:
    benchmark.group = f"sampling {size} px, width {width}, batch {batch}"
    sampler = Sampler(size, width, batch, device)
    with torch.inference_mode():
        expected = sampler.published()()
        call = getattr(sampler, provider)()
        same(call(), expected, **({"tolerance": 3e-2} if CUDA and provider != "published" else {}))
        timed(call, pictures=batch)
