"""One of two processes that train a matching model: `one_of_two.py RANK RENDEZVOUS OUT`; see test_processes."""

import datetime
import sys
import warnings
from pathlib import Path
from typing import Any, NamedTuple
from unittest import mock

import torch
from safetensors.torch import save_file
from torch import Tensor, nn

from rat_modules.matching.pairs import PairBatch, Pairs
from rat_modules.matching.settings import MatchingSettings
from rat_modules.matching.start import begin
from rat_modules.matching.state import PUBLISHED
from rat_modules.matching.trainer import matching_loss, run
from rat_modules.training.captioned import CaptionedPictures
from rat_modules.training.folder import RunFolder
from rat_modules.training.processes import Processes

if __name__ == "__main__":
    sys.path.insert(0, str(Path(__file__).parents[2]))
from tests.plates import Plates

STEPS = 3


class Case(NamedTuple):
    """What is trained, and whether pictures are read one by one, of which one is lost."""

    encoder: str
    loss: str = "contrastive"
    lost: bool = False


CASES = {
    "contrastive": Case("damsm"),
    "words": Case("damsm", "damsm"),
    "projected": Case("wordllama"),
    "lost": Case("damsm", lost=True),
}


class Grained(Plates):
    """Plates with a grain, so that it shows how far a picture was moved."""

    def image(self, index: int) -> Tensor:
        grain = torch.randint(0, 20, (3, 16, 16), generator=torch.Generator().manual_seed(index), dtype=torch.uint8)
        return super().image(index) + grain


class Double(Pairs):
    """Batches in double precision, or Adam would turn what rounding leaves of a zero gradient into a whole step."""

    def batch(self, step: int) -> PairBatch:
        images, prepared, concepts = super().batch(step)
        wide = tuple(part.double() if part.is_floating_point() else part for part in prepared)
        return PairBatch(images.double(), wide, concepts)


def stand_in(dataset: Any, index: int) -> tuple[Tensor, int]:
    """Picture 3 cannot be read, and the next one stands in for it."""
    real = 4 if index == 3 else index
    return dataset.image(real), real


def trained(case: Case, out: Path, processes: Processes) -> dict[str, Tensor]:
    """Weights after some steps of the loop, then a loss, and gradients of the next step."""
    with (
        mock.patch("rat_modules.training.captioned.HELD_BYTES", 0 if case.lost else 2**30),
        mock.patch("rat_modules.matching.pairs.read_picture", stand_in),
    ):
        captioned = CaptionedPictures(Grained())
        settings = MatchingSettings(
            case.encoder, case.loss, steps=STEPS, batch_size=6, image_size=16, width=2, warmup_steps=2
        )
        state = begin(settings, captioned, seed=3, device=torch.device("cpu"))
        nn.init.normal_(state.matcher.image_encoder.whole.weight)  # as pictures differ, so do the scores of a batch
        state.matcher.double(), state.loss.double()
        pairs = Double(captioned, state.matcher, batch_size=6, seed=3, processes=processes)
        name = f"run-{processes.rank}-of-{processes.count}-{'-'.join(map(str, case))}"
        folder = RunFolder(out / name, published=PUBLISHED)
        folder.begin(state.matcher.recipe, {})
        run(state, pairs, folder, checkpoint_every=100, show=False)
        found = {key: value.clone() for key, value in state.matcher.state_dict().items()}
        loss = matching_loss(state.matcher, state.loss, pairs.batch(STEPS + 1), processes)
    weights = dict([*state.matcher.named_parameters(), *state.loss.named_parameters(prefix="loss")])
    state.optimizer.zero_grad()
    loss.backward()
    gradients = {f"gradient.{key}": weight.grad for key, weight in weights.items() if weight.grad is not None}
    processes.average(list(gradients.values()))
    return found | gradients | {"loss": loss.detach()}


def main(rank: int, rendezvous: str, out: Path) -> None:
    warnings.simplefilter("error")
    patience = datetime.timedelta(seconds=90)
    torch.distributed.init_process_group("gloo", init_method=rendezvous, rank=rank, world_size=2, timeout=patience)
    for name, case in CASES.items():
        save_file(trained(case, out, Processes(rank, 2, rank)), out / f"{name}-{rank}.safetensors")
    torch.distributed.destroy_process_group()


if __name__ == "__main__":
    main(int(sys.argv[1]), sys.argv[2], Path(sys.argv[3]))
