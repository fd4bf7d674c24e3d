"""A compiler takes the networks whole: no graph break, the same numbers, and an exported program that is the module."""

import pytest
import torch
from torch import Tensor, nn

from rat_modules.layers.attention import SoftThresholdAttention
from rat_modules.layers.controller import RecurrentController
from rat_modules.layers.fusion import AffineFusion, BatchNormFusion
from rat_modules.models.discriminator import RATDiscriminator
from rat_modules.models.generator import RATGenerator


def generator(fusion: type = AffineFusion) -> RATGenerator:
    torch.manual_seed(0)
    controller = RecurrentController(6, noise_dim=5, hidden_dim=7)
    made = RATGenerator(controller, fusion, width=2, image_size=16, gate_init=0.7)
    for name, parameter in made.named_parameters():
        if "linear2" in name:
            nn.init.normal_(parameter, 1.0 if name.endswith("bias") else 0.0, 0.3)
    return made


def gradients(out: Tensor, module: nn.Module) -> list[Tensor]:
    direction = torch.linspace(-1, 1, out.numel()).view(out.shape)
    return list(torch.autograd.grad((out * direction).sum(), module.parameters()))


@pytest.fixture(autouse=True)
def fresh() -> None:
    torch.compiler.reset()


@pytest.mark.parametrize("fusion", [AffineFusion, BatchNormFusion])
@pytest.mark.parametrize("steps", [None, 12])
def test_the_generator_in_one_graph(fusion: type, steps: int | None) -> None:
    made = generator(fusion)
    noise, sentence = torch.randn(3, 5), torch.randn(*([steps] if steps else []), 3, 6)
    compiled = torch.compile(made, backend="aot_eager", fullgraph=True)
    torch.testing.assert_close(compiled(noise, sentence), made(noise, sentence))
    for ours, theirs in zip(
        gradients(compiled(noise, sentence), made), gradients(made(noise, sentence), made), strict=True
    ):
        torch.testing.assert_close(ours, theirs, rtol=1e-4, atol=1e-5)


def test_the_discriminator_in_one_graph() -> None:
    made = RATDiscriminator(6, width=2, image_size=16, attention=SoftThresholdAttention, gate_init=0.7)
    images, sentence = torch.randn(3, 3, 16, 16), torch.randn(3, 6)
    compiled = torch.compile(made, backend="aot_eager", fullgraph=True)
    for ours, theirs in zip(compiled(images, sentence), made(images, sentence), strict=True):
        torch.testing.assert_close(ours, theirs)
    for ours, theirs in zip(
        gradients(compiled(images, sentence).logits, made), gradients(made(images, sentence).logits, made), strict=True
    ):
        torch.testing.assert_close(ours, theirs, rtol=1e-4, atol=1e-5)


def test_the_exported_generator_takes_any_batch() -> None:
    made = generator().eval()
    batch = torch.export.Dim("batch", min=2, max=64)
    inputs = torch.randn(3, 5), torch.randn(3, 6)
    program = torch.export.export(made, inputs, dynamic_shapes=({0: batch}, {0: batch})).module()
    for count in (3, 5):
        noise, sentence = torch.randn(count, 5), torch.randn(count, 6)
        torch.testing.assert_close(program(noise, sentence), made(noise, sentence))


# torch calls its own tracer deprecated, and sizes that our checks compare are, as it warns, those of the traced inputs
@pytest.mark.filterwarnings("ignore::DeprecationWarning", "ignore::torch.jit.TracerWarning")
@pytest.mark.parametrize("followed", [True, False])
@pytest.mark.parametrize("steps", [None, 12])
def test_the_traced_generator_takes_any_batch(
    followed: bool, steps: int | None, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("rat_modules.models.generator.CACHED_NUMBERS", 1)  # every batch would be split
    made = generator().eval()
    with torch.set_grad_enabled(followed):
        traced = torch.jit.trace(made, (torch.randn(3, 5), torch.randn(*([steps] if steps else []), 3, 6)))
    for count in (3, 5, 1):
        noise, sentence = torch.randn(count, 5), torch.randn(*([steps] if steps else []), count, 6)
        torch.testing.assert_close(traced(noise, sentence), made(noise, sentence))


def test_pictures_one_by_one_under_vmap() -> None:
    made, judge = generator().eval(), RATDiscriminator(6, width=2, image_size=16, attention=SoftThresholdAttention)
    noise, sentence, images = torch.randn(3, 5), torch.randn(3, 6), torch.randn(3, 3, 16, 16)
    for network, first in ((made, noise), (lambda *each: judge(*each).logits, images)):
        alone = torch.func.vmap(lambda one, text, network=network: network(one[None], text[None])[0])(first, sentence)
        torch.testing.assert_close(alone, network(first, sentence), rtol=1e-4, atol=1e-5)


# torch's own forward mode loads its rules through torch.jit, which torch itself calls deprecated
@pytest.mark.filterwarnings("ignore:.*torch.jit.script:DeprecationWarning")
@pytest.mark.parametrize("followed", [True, False])
def test_forward_derivatives_with_and_without_gradients(followed: bool) -> None:
    made = generator().eval()
    noise, sentence, direction = torch.randn(2, 5).double(), torch.randn(2, 6).double(), torch.randn(2, 5).double()
    made = made.double()
    with torch.set_grad_enabled(followed):
        _, tangent = torch.func.jvp(lambda noise: made(noise, sentence), (noise,), (direction,))
    step = 1e-6 * direction
    measured = (made(noise + step, sentence) - made(noise - step, sentence)) / 2e-6
    torch.testing.assert_close(tangent, measured, rtol=1e-4, atol=1e-6)


def test_functional_transforms_go_through() -> None:
    made = generator().eval()
    noise, sentence = torch.randn(2, 5), torch.randn(2, 6)
    weights = dict(made.named_parameters())

    def loss(weights: dict[str, Tensor]) -> Tensor:
        return torch.func.functional_call(made, weights, (noise, sentence)).square().sum()

    ours = torch.func.grad(loss)(weights)
    theirs = torch.autograd.grad(loss(weights), weights.values())
    for mine, their in zip(ours.values(), theirs, strict=True):
        torch.testing.assert_close(mine, their, rtol=1e-4, atol=1e-5)
