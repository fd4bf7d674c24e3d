"""How many pictures a second: the published computation beside ours, at several sizes and batches."""

from collections.abc import Callable

import pytest
import torch

from rat_modules.checkpoints.published_keys import ratgan_generator
from rat_modules.layers.controller import RecurrentController
from rat_modules.models.generator import RATGenerator
from tests import published_style as published
from tests.published_weights import generator_shapes, given, load_published, weights

CASES = [(64, 32, 1), (64, 32, 16), (256, 32, 1), (256, 32, 4)]  # image size, width, batch
if torch.cuda.is_available():
    CASES += [(64, 32, 256), (256, 32, 64)]


@pytest.mark.parametrize("provider", ["published", "ours"])
@pytest.mark.parametrize(("size", "width", "batch"), CASES)
@pytest.mark.benchmark(min_rounds=3, max_time=0.5)
def test_sampling(
    provider: str,
    size: int,
    width: int,
    batch: int,
    device: torch.device,
    same: Callable,
    timed: Callable,
    benchmark,
) -> None:
    benchmark.group = f"sampling {size} px, width {width}, batch {batch}"
    theirs = weights(generator_shapes(width, size), "netG", 1)
    generator = RATGenerator(RecurrentController(256, noise_dim=100), width=width, image_size=size).eval().to(device)
    load_published(generator, theirs, ratgan_generator(4))
    theirs = {key: value.to(device) for key, value in theirs.items()}
    noise, sentence = given("z", (batch, 100), 1).to(device), given("s", (batch, 256), 1).to(device)
    providers = {
        "published": lambda: published.generator(theirs, noise, sentence).image,
        "ours": lambda: generator(noise, sentence),
    }
    with torch.inference_mode():
        same(providers["ours"](), providers["published"]())
        timed(providers[provider], pictures=batch)
