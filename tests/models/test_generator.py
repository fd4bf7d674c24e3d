"""The generator: sizes and widths, one sentence per step, and the same picture in any batch."""

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import nn

from rat_modules.errors import ShapeError
from rat_modules.layers.cells import CELLS
from rat_modules.layers.controller import RecurrentController
from rat_modules.layers.fusion import AffineFusion, BatchNormFusion, InstanceNormFusion, SemanticSpatialFusion
from rat_modules.models.generator import RATGenerator
from rat_modules.testing import check_generator

FUSIONS = [AffineFusion, BatchNormFusion, InstanceNormFusion, SemanticSpatialFusion]


def build(fusion=AffineFusion, *, cell: str = "lstm", **options) -> RATGenerator:
    """A small generator whose every weight matters, in evaluation mode."""
    torch.manual_seed(0)
    controller = RecurrentController(6, noise_dim=5, hidden_dim=7, cell=cell)
    generator = RATGenerator(controller, fusion, **{"width": 2, "image_size": 16, "gate_init": 0.7, **options})
    for name, parameter in generator.named_parameters():
        if "linear2" in name:
            nn.init.normal_(parameter, 1.0 if name.endswith("bias") else 0.0, 0.3)
    return generator.eval()


def inputs(batch: int, steps: int | None = None, *, seed: int = 0) -> tuple[torch.Tensor, torch.Tensor]:
    source = torch.Generator().manual_seed(seed)
    shape = (batch, 6) if steps is None else (steps, batch, 6)
    return torch.randn(batch, 5, generator=source), torch.randn(shape, generator=source)


@pytest.mark.parametrize(("size", "steps"), [(16, 12), (32, 16), (64, 20), (128, 24), (256, 28), (512, 32)])
@pytest.mark.parametrize("width", [1, 3])
def test_sizes_and_widths(size: int, steps: int, width: int) -> None:
    generator = build(image_size=size, width=width)
    images = generator(*inputs(1))
    assert images.shape == (1, 3, size, size)
    assert images.abs().max() <= 1 and images.std() > 0.01
    assert generator.steps == steps
    assert (generator.image_size, generator.noise_dim, generator.cond_dim) == (size, 5, 6)


@pytest.mark.parametrize(("affines", "steps"), [(2, 14), (4, 28), (6, 42)])
def test_steps_at_256_pixels(affines: int, steps: int) -> None:
    generator = build(image_size=256, width=1, affines=affines)
    assert generator.steps == steps
    plan = generator.plan(*inputs(2))
    assert plan.hidden.shape == (steps, 2, 7)
    assert sum(len(gamma) for gamma, _ in plan.modulations) == steps


def test_widths_of_the_published_generator() -> None:
    blocks = build(image_size=256, width=4).blocks
    assert [block.conv1.in_channels for block in blocks] == [32, 32, 32, 32, 32, 16, 8]
    assert [block.conv1.out_channels for block in blocks] == [32, 32, 32, 32, 16, 8, 4]


@pytest.mark.parametrize(
    ("fusion", "cell"), [*((fusion, "lstm") for fusion in FUSIONS), *((AffineFusion, cell) for cell in CELLS)]
)
def test_it_conforms(fusion, cell: str) -> None:
    check_generator(build(fusion, cell=cell, gate_init=0.0), compiled=False)


@pytest.mark.parametrize("fusion", FUSIONS)
@pytest.mark.parametrize(("batch", "steps"), [(5, None), (4, 16), (1, None)])
def test_depth_first_draws_the_same_pictures(
    fusion, batch: int, steps: int | None, monkeypatch: pytest.MonkeyPatch
) -> None:
    generator = build(fusion, image_size=32)
    noise, sentence = inputs(batch, steps)
    whole, seen = generator(noise, sentence).detach(), []
    monkeypatch.setattr("rat_modules.models.generator.CACHED_NUMBERS", 1)
    cat = torch.cat
    monkeypatch.setattr(torch, "cat", lambda parts, *rest: seen.append(len(parts)) or cat(parts, *rest))
    with torch.no_grad():
        deep = generator(noise, sentence)
    assert (deep - whole).abs().max() <= (1e-4 if fusion is InstanceNormFusion else 1e-6)
    assert len(seen) == batch - 1, "every picture went its own way"
    generator.blocks[2].fuse1.train()
    with torch.no_grad():
        generator(noise, sentence)
    assert len(seen) == batch - 1, "what is in training sees the whole batch"


@pytest.mark.parametrize("fusion", FUSIONS)
def test_convolutions_of_others_in_their_places(fusion) -> None:
    class Wrapped(nn.Module):
        def __init__(self, inner: nn.Module) -> None:
            super().__init__()
            self.inner = inner

        def forward(self, x: torch.Tensor) -> torch.Tensor:
            return self.inner(x)

    generator = build(fusion)
    with torch.no_grad():
        before = generator(*inputs(3))
        for block in generator.blocks:
            block.conv1, block.conv2 = Wrapped(block.conv1), Wrapped(block.conv2)
        torch.testing.assert_close(generator(*inputs(3)), before)


@settings(deadline=None, max_examples=15)
@given(sizes=st.lists(st.integers(0, 3), min_size=1, max_size=4))
def test_any_split_of_a_batch(sizes: list[int]) -> None:
    generator = build()
    noise, sentence = inputs(sum(sizes))
    whole = generator(noise, sentence)
    parts = [generator(*pair) for pair in zip(noise.split(sizes), sentence.split(sizes), strict=True)]
    assert whole.shape == (sum(sizes), 3, 16, 16)
    assert torch.cat(parts).shape == whole.shape
    assert not len(whole) or (torch.cat(parts) - whole).abs().max() <= 1e-6


@pytest.mark.parametrize("cell", CELLS)
def test_one_sentence_per_step(cell: str) -> None:
    generator = build(cell=cell)
    noise, sentence = inputs(3)
    changed = sentence.repeat(generator.steps, 1, 1)
    changed[5] += 1
    hidden, before = generator.plan(noise, changed).hidden, generator.plan(noise, sentence).hidden
    torch.testing.assert_close(hidden[:5], before[:5])
    assert not torch.allclose(hidden[5], before[5])
    assert torch.allclose(hidden[6:], before[6:]) is (cell == "none")


def test_mixing_two_captions_by_depth() -> None:
    generator = build(image_size=32)
    noise, one = inputs(2)
    other = inputs(2, seed=1)[1]
    at = 10

    def mix(coarse: torch.Tensor, fine: torch.Tensor) -> torch.Tensor:
        steps = torch.arange(generator.steps)[:, None, None]
        return generator(noise, torch.where(steps < at, coarse, fine))

    pure, mixed = generator(noise, one), mix(one, other)
    assert (mix(one, one) - pure).abs().max() <= 1e-6
    assert (mixed - pure).abs().max() > 1e-3
    assert (mixed - generator(noise, other)).abs().max() > 1e-3
    # the coarse caption alone decides what enters the first blocks
    plans = [
        generator.plan(noise, torch.where(torch.arange(16)[:, None, None] < at, one, fine)) for fine in (one, other)
    ]
    for (gamma, _), (expected, _) in list(zip(*(plan.modulations for plan in plans), strict=True))[: at // 2]:
        torch.testing.assert_close(gamma, expected)


def test_a_plan_can_be_rendered_later_and_again() -> None:
    generator = build()
    noise, sentence = inputs(3)
    plan = generator.plan(noise, sentence)
    generator(*inputs(4, seed=1))
    assert torch.equal(generator.render(noise, plan), generator(noise, sentence))
    assert torch.equal(generator.render(noise, plan), generator.render(noise, plan))


def test_a_published_start_ignores_the_text() -> None:
    controller = RecurrentController(6, noise_dim=5, hidden_dim=7)
    generator = RATGenerator(controller, width=2, image_size=16)
    noise, sentence = inputs(2)
    assert torch.equal(generator(noise, sentence), generator(noise, -sentence))


@pytest.mark.parametrize("fusion", FUSIONS)
def test_every_weight_learns_in_training(fusion) -> None:
    generator = build(fusion).train()
    # tanh would hide nothing here, but a plain sum is blind to what a norm removes
    images = generator(*inputs(4))
    (images * torch.randn_like(images)).sum().backward()
    idle = {name for name, parameter in generator.named_parameters() if parameter.grad is None}
    assert not idle


def test_the_recurrence_is_owned_once() -> None:
    assert sum("weight_hidden" in key for key in build().state_dict()) == 1


def test_under_autocast() -> None:
    generator = build()
    exact = generator(*inputs(2))
    with torch.autocast("cpu", torch.bfloat16):
        images = generator(*inputs(2))
    torch.testing.assert_close(images.float(), exact, rtol=0.1, atol=0.05)


@pytest.mark.parametrize(
    ("options", "line"),
    [
        ({"image_size": 48}, "image_size: got 48, expected a power of two from 16 to 512"),
        ({"width": 0}, "generator width: got 0, expected 1 or more"),
        ({"affines": 3}, "affines per block: got 3, expected an even number (published: 4 or 6)"),
        ({"affines": 0}, "affines per block: got 0, expected an even number (published: 4 or 6)"),
    ],
)
def test_what_cannot_be_built_is_refused(options: dict[str, int], line: str) -> None:
    with pytest.raises(ShapeError) as refusal:
        build(**options)
    assert str(refusal.value) == line


def test_a_controller_without_noise_is_refused() -> None:
    with pytest.raises(
        ShapeError, match="generator controller: got noise_dim None, expected one that starts from noise"
    ):
        RATGenerator(RecurrentController(6))


@pytest.mark.parametrize(
    ("noise", "sentence", "line"),
    [
        ((2, 4), (2, 6), "noise: got (2, 4), expected 'n z' with a last dimension of 5"),
        ((5,), (2, 6), "noise: got (5,), expected 'n z' with a last dimension of 5"),
        ((2, 5), (2, 7), "condition: got (2, 7), expected 'n s' or 'k n s' with a last dimension of 6"),
        ((2, 5), (6,), "condition: got (6,), expected 'n s' or 'k n s' with a last dimension of 6"),
        ((2, 5), (3, 6), "batch: got 2 noises and 3 sentences, expected as many of each"),
        ((2, 5), (12, 3, 6), "batch: got 2 noises and 3 sentences, expected as many of each"),
        ((2, 5), (11, 2, 6), "one condition per step: got (11, 2, 6), expected 'k n s' with k = 12"),
    ],
)
def test_wrong_inputs_are_refused(noise, sentence, line: str) -> None:
    with pytest.raises(ShapeError) as refusal:
        build()(torch.zeros(noise), torch.zeros(sentence))
    assert str(refusal.value) == line


@pytest.mark.cuda
@pytest.mark.parametrize("fusion", FUSIONS)
def test_cuda_gives_what_the_cpu_gives(fusion) -> None:
    generator = build(fusion, image_size=64)
    noise, sentence = inputs(3)
    expected = generator(noise, sentence)
    there = generator.to("cuda")(noise.to("cuda"), sentence.to("cuda"))
    torch.testing.assert_close(there.cpu(), expected, rtol=1e-2, atol=1e-2)  # convolutions may run in TF32
