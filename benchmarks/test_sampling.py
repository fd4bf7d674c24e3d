"""How many pictures a second: the published computation, the same compiled, and ours, eager and compiled.

Then published and ours against batch, size, width and steps. Each also says what one picture costs, as counted.
"""

from collections.abc import Callable

import pytest
import torch
from torch import Tensor

from rat_modules.checkpoints.published_keys import ratgan_generator
from rat_modules.costs import generator_cost
from rat_modules.layers.controller import RecurrentController
from rat_modules.models.generator import RATGenerator
from tests import published_style as published
from tests.published_costs import published_cost
from tests.published_weights import generator_shapes, given, load_published, weights

CUDA = torch.cuda.is_available()
CASES = [(256, 32, 1), (256, 32, 4), (64, 32, 16)]  # image size, width, batch
if CUDA:
    CASES = [(256, 64, 1), (256, 64, 64), (64, 32, 256)]

# one of these changes while the others stay as FIXED has them; steps are the fusion steps of a block
FIXED = {"batch": 4, "size": 64, "width": 16, "steps": 4}
SWEEPS = {"batch": [1, 2, 4, 8, 16], "size": [32, 64, 128, 256], "width": [8, 16, 32, 64], "steps": [2, 4, 6]}
if CUDA:
    FIXED |= {"batch": 16, "size": 256, "width": 64}
    SWEEPS["batch"] = [1, 4, 16, 64, 128]


class Sampler:
    """One case, and its providers by name."""

    def __init__(self, size: int, width: int, batch: int, device: torch.device, steps: int = 4) -> None:
        used = {f"affine{number}" for half in published.ORDER[steps] for number in half}
        shapes = generator_shapes(width, size).items()
        theirs = weights(
            {key: shape for key, shape in shapes if "affine" not in key or key.split(".")[1] in used}, "netG", 1
        )
        controller = RecurrentController(256, noise_dim=100)
        self.generator = RATGenerator(controller, width=width, image_size=size, affines=steps).eval().to(device)
        load_published(self.generator, theirs, ratgan_generator(max(4, steps)))  # two are the first of each two
        self.costs = {"published": published_cost(width, size, steps), "ours": generator_cost(self.generator)}
        self.steps = steps
        self.theirs = {key: value.to(device) for key, value in theirs.items()}
        self.inputs = given("z", (batch, 100), 1).to(device), given("s", (batch, 256), 1).to(device)
        self.device = device

    def published(self) -> Callable[[], Tensor]:
        return lambda: published.picture(self.theirs, *self.inputs, self.steps)

    def published_compiled(self) -> Callable[[], Tensor]:
        return self._compiled(lambda: published.picture(self.theirs, *self.inputs, self.steps))

    def ours(self) -> Callable[[], Tensor]:
        return self._mixed(lambda: self.generator(*self.inputs))

    def ours_compiled(self) -> Callable[[], Tensor]:
        return self._compiled(lambda: self.generator(*self.inputs))

    def counted(self, provider: str) -> dict[str, float]:
        """What one picture costs, whatever the machine."""
        cost = self.costs[provider.removesuffix("_compiled")]
        return {"gflop": round(cost.flops / 1e9, 2), "kept_mib": round(cost.saved_bytes / 2**20, 1)}

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
    benchmark.group = f"sampling: {size} px, width {width}, batch {batch}"
    _time(Sampler(size, width, batch, device), provider, batch, same, timed, benchmark)


@pytest.mark.parametrize("provider", ["published", "ours"])
@pytest.mark.parametrize(("against", "at"), [(name, value) for name, values in SWEEPS.items() for value in values])
@pytest.mark.benchmark(min_rounds=3, max_time=0.3)
def test_sampling_against(
    provider: str, against: str, at: int, device: torch.device, same: Callable, timed: Callable, benchmark
) -> None:
    words = {"batch": "batch {}", "size": "{} px", "width": "width {}", "steps": "{} steps a block"}
    rest = ", ".join(words[name].format(value) for name, value in FIXED.items() if name != against)
    benchmark.group = f"sampling against {against}, {rest}: {words[against].format(at)}"
    benchmark.extra_info.update(against=against, at=at)
    case = FIXED | {against: at}
    _time(Sampler(**case, device=device), provider, case["batch"], same, timed, benchmark)


def _time(sampler: Sampler, provider: str, batch: int, same: Callable, timed: Callable, benchmark) -> None:
    benchmark.extra_info.update(sampler.counted(provider))
    with torch.inference_mode():
        expected = sampler.published()()
        call = getattr(sampler, provider)()
        same(call(), expected, **({"tolerance": 3e-2} if CUDA and provider != "published" else {}))
        timed(call, pictures=batch)
