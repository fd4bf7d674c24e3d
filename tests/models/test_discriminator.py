"""The discriminator: sizes, with and without attention, features judged with any captions, differentiable twice."""

from functools import partial

import pytest
import torch
from torch import nn

from rat_modules import MAGPHingeLoss, SoftThresholdAttention
from rat_modules.errors import ShapeError
from rat_modules.models.discriminator import RATDiscriminator
from rat_modules.testing import check_discriminator

ATTENTIONS = {
    "none": None,
    **{
        name: partial(SoftThresholdAttention, normalize=name)
        for name in ("soft-threshold", "softmax-sigmoid", "softmax")
    },
}
each_attention = pytest.mark.parametrize("attention", ATTENTIONS)


def build(attention: str = "none", **options) -> RATDiscriminator:
    torch.manual_seed(0)
    settings = {"width": 2, "image_size": 16, "gate_init": 0.7, **options}
    return RATDiscriminator(6, attention=ATTENTIONS[attention], **settings)


def inputs(batch: int, size: int = 16) -> tuple[torch.Tensor, torch.Tensor]:
    source = torch.Generator().manual_seed(1)
    return torch.randn(batch, 3, size, size, generator=source), torch.randn(batch, 6, generator=source)


@pytest.mark.parametrize("size", [16, 32, 64, 128, 256, 512])
@pytest.mark.parametrize("width", [1, 3])
@pytest.mark.parametrize("attention", ["none", "soft-threshold"])
def test_sizes_and_widths(size: int, width: int, attention: str) -> None:
    discriminator = build(attention, image_size=size, width=width)
    scores = discriminator(*inputs(2, size))
    assert scores.logits.shape == (2,) and scores.logits.isfinite().all()
    features = discriminator.features(inputs(2, size)[0])
    if attention == "none":
        assert scores.attention is None
        assert features.shape[2:] == (4, 4)
    else:
        assert scores.attention.shape == (2, 1, 8, 8)
        torch.testing.assert_close(scores.attention.sum(dim=(1, 2, 3)), torch.ones(2))
        assert features.shape[2:] == (8, 8)
    assert tuple(features.shape[1:]) == discriminator.feature_shape


def test_widths_of_the_published_discriminator() -> None:
    blocks = build(image_size=256, width=4).blocks
    assert [block.conv1.out_channels for block in blocks] == [8, 16, 32, 64, 64, 64]
    attended = build("soft-threshold", image_size=256, width=4)
    assert [block.conv1.out_channels for block in attended.blocks] == [8, 16, 32, 64, 64]
    assert attended.attended.conv1.in_channels == 64 + 6


@each_attention
def test_it_conforms(attention: str) -> None:
    report = check_discriminator(build(attention, gate_init=0.0))
    assert [*report.unchecked] == (["attention"] if attention == "none" else [])


@each_attention
def test_an_empty_batch(attention: str) -> None:
    assert build(attention)(*inputs(0)).logits.shape == (0,)


@each_attention
def test_penalty_equals_its_definition(attention: str) -> None:
    discriminator = build(attention).double()
    images, sentence = (tensor.double().requires_grad_() for tensor in inputs(3))
    penalty = MAGPHingeLoss().penalty(discriminator(images, sentence).logits, (images, sentence))
    slopes = torch.autograd.grad(discriminator(images, sentence).logits.sum(), (images, sentence))
    norm = torch.cat([slope.flatten(1) for slope in slopes], dim=1).norm(dim=1)
    torch.testing.assert_close(penalty, 2 * (norm**6).mean())


@each_attention
def test_a_flat_discriminator_has_no_penalty(attention: str) -> None:
    discriminator = build(attention)
    nn.init.zeros_(discriminator.logit.weight)
    images, sentence = (tensor.requires_grad_() for tensor in inputs(2))
    penalty = MAGPHingeLoss().penalty(discriminator(images, sentence).logits, (images, sentence))
    assert penalty.item() == 0
    penalty.backward()
    assert all(p.grad is None or p.grad.isfinite().all() for p in discriminator.parameters())


@each_attention
@pytest.mark.parametrize("dtype", [torch.bfloat16, torch.float16])
def test_penalty_under_autocast(attention: str, dtype: torch.dtype) -> None:
    discriminator = build(attention)
    images, sentence = (tensor.requires_grad_() for tensor in inputs(3))
    exact = MAGPHingeLoss().penalty(discriminator(images, sentence).logits, (images, sentence))
    with torch.autocast("cpu", dtype):
        logits = discriminator(images, sentence).logits
        penalty = MAGPHingeLoss().penalty(logits, (images, sentence))
    assert logits.dtype == dtype and penalty.dtype == torch.float32
    assert penalty.item() == pytest.approx(exact.item(), rel=0.2)
    penalty.backward()
    assert all(p.grad is None or p.grad.isfinite().all() for p in discriminator.parameters())


@pytest.mark.parametrize(
    ("options", "line"),
    [
        ({"image_size": 100}, "image_size: got 100, expected a power of two from 16 to 512"),
        ({"width": 0}, "discriminator width: got 0, expected 1 or more"),
    ],
)
def test_what_cannot_be_built_is_refused(options: dict[str, int], line: str) -> None:
    with pytest.raises(ShapeError) as refusal:
        build(**options)
    assert str(refusal.value) == line


@pytest.mark.parametrize(
    ("call", "line"),
    [
        (
            lambda d: d(torch.zeros(2, 3, 32, 32), torch.zeros(2, 6)),
            "images: got (2, 3, 32, 32), expected 'n 3 h w' with (3, 16, 16)",
        ),
        (lambda d: d.features(torch.zeros(3, 16, 16)), "images: got (3, 16, 16), expected 'n 3 h w' with (3, 16, 16)"),
        (lambda d: d(torch.zeros(2, 3, 16, 16), torch.zeros(2, 5)), "sentence: got (2, 5), expected 'n s' (2, 6)"),
        (lambda d: d(torch.zeros(2, 3, 16, 16), torch.zeros(3, 6)), "sentence: got (3, 6), expected 'n s' (2, 6)"),
        (
            lambda d: d.head(torch.zeros(2, 8, 8, 8), torch.zeros(2, 6)),
            "features: got (2, 8, 8, 8), expected 'n c h w' with (8, 4, 4)",
        ),
    ],
)
def test_wrong_inputs_are_refused(call, line: str) -> None:
    with pytest.raises(ShapeError) as refusal:
        call(build())
    assert str(refusal.value) == line


@pytest.mark.cuda
@each_attention
def test_cuda_gives_what_the_cpu_gives(attention: str) -> None:
    discriminator = build(attention, image_size=64)
    images, sentence = inputs(3, 64)
    expected = discriminator(images, sentence).logits
    there = discriminator.to("cuda")(images.to("cuda"), sentence.to("cuda")).logits
    torch.testing.assert_close(there.cpu(), expected, rtol=1e-2, atol=1e-3)  # convolutions may run in TF32
