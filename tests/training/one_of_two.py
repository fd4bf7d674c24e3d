"""One of two processes that train together on halves of a batch: `one_of_two.py RANK RENDEZVOUS OUT`; see test_ddp."""

import datetime
import sys
import warnings
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any, NamedTuple

import attrs
import torch
from safetensors.torch import save_file
from torch import Tensor, nn
from torch.nn.parallel import DistributedDataParallel

from rat_modules import Assembly, assemble
from rat_modules.training.batch import Batch
from rat_modules.training.iteration import train_step

SHARD, SIZE = 3, 32


def by_hand(networks: Any, optimizers: Any, batch: Batch, assembly: Assembly) -> None:
    """An iteration as a user writes it who knows only the networks and the loss."""
    generator, discriminator, loss = networks.generator, networks.discriminator, networks.loss
    images, sentence, noise, (pictures, captions), *_ = batch
    fake = generator(noise, sentence)
    logits = (
        discriminator(images, sentence).logits,
        discriminator(fake.detach(), sentence).logits,
        discriminator(images[pictures], sentence[captions]).logits,
    )
    descend(optimizers.discriminator, loss.discriminator(*logits).total)
    inputs = images.clone().requires_grad_(), sentence.clone().requires_grad_()
    descend(optimizers.discriminator, loss.penalty(discriminator(*inputs).logits, inputs))
    descend(optimizers.generator, loss.generator(discriminator(fake, sentence).logits))


def by_phases(networks: Any, optimizers: Any, batch: Batch, assembly: Assembly) -> None:
    """The library's own iteration."""
    train_step(networks, optimizers, batch, assembly.recipe.training)


def descend(optimizer: torch.optim.Optimizer, loss: Tensor) -> None:
    optimizer.zero_grad()
    loss.backward()
    optimizer.step()


class Case(NamedTuple):
    """How to compute an iteration of which system, and how to wrap its networks."""

    iterate: Callable[[Any, Any, Batch, Assembly], None]
    attention: str
    schedule: str = "alternating"
    gradient_as_bucket_view: bool = False


CASES = {
    "by-hand": Case(by_hand, "none"),
    "by-hand-attention": Case(by_hand, "soft-threshold-attention"),
    "by-hand-bucket-view": Case(by_hand, "soft-threshold-attention", gradient_as_bucket_view=True),
    "alternating": Case(by_phases, "none"),
    "joint-attention-bucket-view": Case(by_phases, "soft-threshold-attention", "joint", True),
}


def weights_after(
    case: Case, *, wrap: Callable[[nn.Module], nn.Module] = lambda module: module, rank: int | None = None
) -> dict[str, Tensor]:
    """Weights after three iterations on the whole batch, or on the half of it that belongs to `rank`."""
    torch.manual_seed(0)
    small = {"generator.width": 4, "generator.image_size": SIZE, "controller.hidden_dim": 8, "generator.cond_dim": 12}
    assembly = assemble("ratgan-tiny", **{"text_encoder.name": "none", "attention.name": case.attention, **small})
    training = attrs.evolve(assembly.recipe.training, schedule=case.schedule)
    assembly = attrs.evolve(assembly, recipe=attrs.evolve(assembly.recipe, training=training))
    # in double precision, or Adam would turn what rounding leaves of a zero gradient into a whole step
    parts = {"generator": assembly.generator.double(), "discriminator": assembly.discriminator.double()}
    adams = {name: torch.optim.Adam(part.parameters(), lr=1e-3, betas=(0.0, 0.9)) for name, part in parts.items()}
    networks = SimpleNamespace(loss=assembly.loss, **{name: wrap(part) for name, part in parts.items()})
    source = torch.Generator().manual_seed(1)
    for _ in range(3):
        shapes = (2 * SHARD, 3, SIZE, SIZE), (2 * SHARD, 12), (2 * SHARD, 100)
        whole = [torch.randn(shape, generator=source, dtype=torch.float64) for shape in shapes]
        mine = whole if rank is None else [tensor.split(SHARD)[rank] for tensor in whole]
        numbers = torch.arange(len(mine[0]))
        apart = numbers, numbers.view(-1, SHARD).roll(-1, 1).flatten()  # no pair across the two halves
        case.iterate(networks, SimpleNamespace(**adams), Batch(*mine, apart), assembly)
    return {f"{name}.{key}": value for name, part in parts.items() for key, value in part.state_dict().items()}


def main(rank: int, rendezvous: str, out: Path) -> None:
    warnings.simplefilter("error")
    # torch's second derivative of a convolution to one channel lies otherwise in a dimension of one entry
    warnings.filterwarnings("ignore", "Grad strides do not match bucket view strides")
    patience = datetime.timedelta(seconds=90)
    torch.distributed.init_process_group("gloo", init_method=rendezvous, rank=rank, world_size=2, timeout=patience)
    for name, case in CASES.items():

        def wrap(part: nn.Module, view: bool = case.gradient_as_bucket_view) -> nn.Module:
            return DistributedDataParallel(part, gradient_as_bucket_view=view)

        save_file(weights_after(case, wrap=wrap, rank=rank), out / f"{name}-{rank}.safetensors")
    torch.distributed.destroy_process_group()


if __name__ == "__main__":
    main(int(sys.argv[1]), sys.argv[2], Path(sys.argv[3]))
