"""One iteration computes what the published loop computes, and touches what it must and nothing else."""

import json
from pathlib import Path
from types import SimpleNamespace

import attrs
import pytest
import torch
from safetensors.torch import load_file
from torch import Tensor, nn

from rat_modules.assembly import Assembly, assemble
from rat_modules.checkpoints.published_keys import ratgan_discriminator, ratgan_generator
from rat_modules.layers.controller import RecurrentController
from rat_modules.losses.magp_hinge import MAGPHingeLoss
from rat_modules.models.discriminator import RATDiscriminator
from rat_modules.models.generator import RATGenerator
from rat_modules.recipes import Training
from rat_modules.training.batch import Batch
from rat_modules.training.descent import make_optimizers
from rat_modules.training.iteration import train_step
from rat_modules.training.phases import discriminator_step, generator_step, joint_step, penalty_step

from ..published_weights import given, load_published, weights

GOLDEN = Path(__file__).parent.parent / "golden"


@pytest.fixture
def tiny() -> Assembly:
    torch.manual_seed(0)
    small = {"generator.width": 2, "generator.image_size": 16, "controller.hidden_dim": 8, "generator.cond_dim": 12}
    # gates open and a penalty that weighs as much as the rest, so that no phase can hide behind another
    felt = {
        "generator.gate_init": 0.5,
        "discriminator.gate_init": 0.5,
        "loss.penalty_power": 2.0,
        "loss.penalty_weight": 50.0,
    }
    return assemble("ratgan-tiny", **{"text_encoder.name": "none", **small, **felt})


def batch_of(size: int = 5, **changes: object) -> Batch:
    source = torch.Generator().manual_seed(1)
    images = torch.rand(size, 3, 16, 16, generator=source) * 2 - 1
    batch = Batch(images, torch.randn(size, 12, generator=source), torch.randn(size, 100, generator=source))
    return batch._replace(**changes)


def copies(module: nn.Module) -> list[Tensor]:
    return [weight.detach().clone() for weight in module.parameters()]


def moved(module: nn.Module, before: list[Tensor]) -> list[bool]:
    return [not torch.equal(weight, old) for weight, old in zip(module.parameters(), before, strict=True)]


def test_three_published_iterations() -> None:
    facts = json.loads((GOLDEN / "ratgan.json").read_text(encoding="utf-8"))
    figures = load_file(GOLDEN / "ratgan.safetensors")
    seed, count = facts["seed"], facts["batch"]
    generator = RATGenerator(RecurrentController(256, noise_dim=100), width=facts["nf"])
    load_published(generator, weights(facts["netG"], "netG", seed), ratgan_generator(4))
    discriminator = RATDiscriminator(256, width=facts["nf"])
    load_published(discriminator, weights(facts["netD"], "netD", seed), ratgan_discriminator(attention=False))
    networks = SimpleNamespace(generator=generator, discriminator=discriminator, loss=MAGPHingeLoss())
    training = Training()  # the published values are the defaults
    optimizers = make_optimizers(networks, training)
    for step, expected in enumerate(figures["train.losses"]):
        images = given(f"image{step}", (count, 3, 256, 256), seed)
        batch = Batch(images, given(f"s{step}", (count, 256), seed), given(f"z{step}", (count, 100), seed))
        *losses, skipped = train_step(networks, optimizers, batch, training, step + 1)
        losses = torch.stack(losses)
        assert not skipped
        assert torch.allclose(losses, expected, rtol=1e-3, atol=1e-5), (step, losses, expected)
    noise, sentence = given("z", (count, 100), seed), given("s", (count, 256), seed)
    with torch.no_grad():
        image = generator(noise, sentence)
        logits = discriminator(given("image", (count, 3, 256, 256), seed), sentence).logits
    for found, name in ((image, "train.image_after"), (logits, "train.logits_after")):
        expected = figures[name].reshape(found.shape)
        assert (found - expected).norm() / expected.norm() < 1e-3, name


def test_alternating_is_two_steps_of_the_discriminator_and_joint_is_one(tiny: Assembly) -> None:
    for schedule, steps in (("alternating", 2), ("joint", 1)):
        training = attrs.evolve(tiny.recipe.training, schedule=schedule)
        optimizers = make_optimizers(tiny, training)
        train_step(tiny, optimizers, batch_of(), training)
        taken = [{int(state["step"]) for state in optimizer.state_dict()["state"].values()} for optimizer in optimizers]
        assert taken == [{1}, {steps}]


def test_joint_descends_the_sum_of_hinge_and_penalty(tiny: Assembly) -> None:
    batch, fake = batch_of(), tiny.generator(*batch_of()[2:0:-1])
    plain = torch.optim.SGD(tiny.discriminator.parameters(), lr=1.0)
    before = copies(tiny.discriminator)

    training = attrs.evolve(tiny.recipe.training, mismatch="shift")

    def change(step: object, *arguments: object) -> Tensor:
        step(tiny, plain, [batch], *arguments)  # type: ignore[operator]
        change = torch.cat([(w.detach() - b).flatten() for w, b in zip(tiny.discriminator.parameters(), before)])  # noqa: B905
        with torch.no_grad():
            for weight, old in zip(tiny.discriminator.parameters(), before, strict=True):
                weight.copy_(old)
        return change

    hinge, penalty = change(discriminator_step, [fake], training), change(penalty_step, training)
    assert hinge.norm() > 0.1 and penalty.norm() > 0.1
    assert torch.allclose(change(joint_step, [fake], training), hinge + penalty, atol=1e-6)
    assert torch.allclose(change(joint_step, [fake], training, 4), hinge + 4 * penalty, atol=1e-5)


def test_each_phase_moves_its_own_network_only(tiny: Assembly) -> None:
    batch = batch_of()
    optimizers = make_optimizers(tiny, tiny.recipe.training)
    fake = tiny.generator(batch.noise, batch.sentence)
    training = tiny.recipe.training
    for phase in (
        lambda: discriminator_step(tiny, optimizers.discriminator, [batch], [fake], training),
        lambda: penalty_step(tiny, optimizers.discriminator, [batch], training),
    ):
        generator, discriminator = copies(tiny.generator), copies(tiny.discriminator)
        phase()
        assert any(moved(tiny.discriminator, discriminator)) and not any(moved(tiny.generator, generator))
    optimizers.discriminator.zero_grad()
    discriminator = copies(tiny.discriminator)
    asked: list[bool] = []
    tiny.discriminator.register_forward_pre_hook(
        lambda module, _: asked.append(any(weight.requires_grad for weight in module.parameters()))
    )
    generator_step(tiny, optimizers.generator, [batch], [fake], training)
    assert asked == [False]
    assert any(moved(tiny.generator, generator)) and not any(moved(tiny.discriminator, discriminator))
    assert all(weight.grad is None for weight in tiny.discriminator.parameters()), "nobody reads those gradients"
    assert all(weight.requires_grad for weight in tiny.discriminator.parameters())


def test_weights_that_were_frozen_stay_frozen(tiny: Assembly) -> None:
    frozen = next(tiny.discriminator.parameters()).requires_grad_(False)
    before = frozen.clone()
    train_step(tiny, make_optimizers(tiny, tiny.recipe.training), batch_of(), tiny.recipe.training)
    assert not frozen.requires_grad and torch.equal(frozen, before)


def test_the_penalty_waits_for_its_turn(tiny: Assembly) -> None:
    training = attrs.evolve(tiny.recipe.training, penalty_every=3)
    optimizers = make_optimizers(tiny, training)
    penalties = [float(train_step(tiny, optimizers, batch_of(), training, step).penalty) for step in range(1, 7)]
    assert [value > 0 for value in penalties] == [False, False, True, False, False, True]


@pytest.mark.parametrize(
    ("mismatch", "pictures", "captions"),
    [("shift", [0, 1, 2, 3], [1, 2, 3, 4]), ("roll", [1, 2, 3, 4, 0], [0, 1, 2, 3, 4])],
)
def test_mismatched_pairs(tiny: Assembly, mismatch: str, pictures: list[int], captions: list[int]) -> None:
    batch = batch_of()
    features = tiny.discriminator.features(batch.images)
    logits = tiny.discriminator.head(features[pictures], batch.sentence[captions]).logits
    expected = torch.relu(1 + logits).mean()
    unmoved = torch.optim.SGD(tiny.discriminator.parameters(), lr=0.0)
    fake = torch.zeros_like(batch.images)
    training = attrs.evolve(tiny.recipe.training, mismatch=mismatch)
    assert torch.isclose(discriminator_step(tiny, unmoved, [batch], [fake], training).terms.mismatched, expected)
    # the same pairs, named one by one
    named = batch._replace(mismatched=(torch.tensor(pictures), torch.tensor(captions)))
    training = attrs.evolve(training, mismatch="neither")
    assert torch.isclose(discriminator_step(tiny, unmoved, [named], [fake], training).terms.mismatched, expected)


@pytest.mark.parametrize("schedule", ["alternating", "joint"])
def test_the_penalty_is_computed_in_float32_under_autocast(tiny: Assembly, schedule: str) -> None:
    training = attrs.evolve(tiny.recipe.training, schedule=schedule, lr_discriminator=1e-30)
    optimizers = make_optimizers(tiny, training)
    plain = train_step(tiny, optimizers, batch_of(), training)
    with torch.autocast("cpu", dtype=torch.bfloat16):
        mixed = train_step(tiny, optimizers, batch_of(), training)
    assert plain.penalty > 0.1 and torch.equal(plain.penalty, mixed.penalty)
    assert not torch.equal(plain.fake, mixed.fake), "autocast was at work elsewhere"


@pytest.mark.parametrize("schedule", ["alternating", "joint"])
def test_the_recipe_asks_for_mixed_precision(tiny: Assembly, schedule: str) -> None:
    training = attrs.evolve(tiny.recipe.training, schedule=schedule, lr_discriminator=1e-30)
    optimizers, seen = make_optimizers(tiny, training), []
    plain = train_step(tiny, optimizers, batch_of(), training)
    tiny.discriminator.joint.register_forward_hook(lambda module, inputs, out: seen.append(out.dtype))
    mixed = train_step(tiny, optimizers, batch_of(), attrs.evolve(training, precision="bfloat16"))
    assert torch.equal(plain.penalty, mixed.penalty) and set(seen) == {torch.bfloat16, torch.float32}
    assert not torch.equal(plain.fake, mixed.fake) and torch.isclose(plain.fake, mixed.fake, rtol=0.05)
    assert all(scalar.dtype == torch.float32 for scalar in mixed)
    assert all(weight.grad.dtype == torch.float32 for weight in tiny.generator.parameters())


@pytest.mark.parametrize("schedule", ["alternating", "joint"])
def test_double_precision_trains_too(tiny: Assembly, schedule: str) -> None:
    for part in (tiny.generator, tiny.discriminator):
        part.double()
    batch = Batch(*(tensor.double() for tensor in batch_of()[:3]))
    training = attrs.evolve(tiny.recipe.training, schedule=schedule)
    assert train_step(tiny, make_optimizers(tiny, training), batch, training).penalty.dtype == torch.float64
