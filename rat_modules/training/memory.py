"""A batch that does not fit into memory is computed in smaller parts, with the same numbers."""

import sys
from collections.abc import Callable, Sequence

import attrs
import torch

from rat_modules.errors import TrainingError
from rat_modules.training.batch import Batch


@attrs.define
class Splitting:
    """In how many parts a batch, or a part of it, is computed: more, since memory has run out.

    Args:
        times: so many parts.
        tell: called with one line where that changes.
    """

    times: int = 1
    tell: Callable[[str], None] = lambda line: print(line, file=sys.stderr)

    def parts(self, batches: Sequence[Batch], mismatch: str) -> list[Batch]:
        """All of them, split."""
        return [part for batch in batches for part in batch.parts(self.times, mismatch)]

    def finer(self, batches: Sequence[Batch], error: RuntimeError) -> None:
        """Take the next larger number of parts into which the pictures can be split.

        Raises:
            TrainingError: each part has one picture already.
        """
        pictures = len(batches[0].images)
        more = next((times for times in range(self.times + 1, pictures + 1) if pictures % times == 0), None)
        if more is None:
            raise TrainingError(
                "memory ran out with one picture at a time",
                got=str(error).partition("\n")[0],
                hint="a smaller generator.width or generator.image_size",
            ) from error
        self.times = more
        together = pictures // more
        self.tell(f"memory ran out: going on with {together} picture{'s' * (together > 1)} at a time, same numbers")
        if torch.cuda.is_available():
            torch.cuda.empty_cache()


def out_of_memory(error: RuntimeError) -> bool:
    """Is it torch's allocator that says so? On a CPU it has no class of its own."""
    return isinstance(error, torch.OutOfMemoryError) or "DefaultCPUAllocator: can't allocate memory" in str(error)
