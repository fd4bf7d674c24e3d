"""The processes that `torchrun` or `accelerate launch` started together, or the one that nobody did."""

import os
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any, TypeVar

import attrs
import torch
from torch import Tensor, distributed, nn
from torch.nn.parallel import DistributedDataParallel

from rat_modules.errors import TrainingError

Module = TypeVar("Module", bound=nn.Module)
_GO_ON = "go on from the last checkpoint with --resume, with any number of processes"


@attrs.frozen
class Processes:
    """Which of how many processes this is.

    Args:
        rank: from 0 to count - 1; the first one writes files and talks.
        count: of processes in all.
        local: which one on this machine.
    """

    rank: int = 0
    count: int = 1
    local: int = 0

    @property
    def first(self) -> bool:
        """Is this the one that writes files and talks?"""
        return self.rank == 0

    def device(self, chosen: torch.device) -> torch.device:
        """The device of this process, where `chosen` says no more than "cuda"."""
        if chosen.type != "cuda" or chosen.index is not None or self.count == 1:
            return chosen
        torch.cuda.set_device(self.local)
        return torch.device("cuda", self.local)

    def wrapped(self, module: Module) -> Module | DistributedDataParallel:
        """The module, with gradients that are the mean over all processes."""
        if self.count == 1:
            return module
        devices = {parameter.device for parameter in module.parameters()}
        return DistributedDataParallel(module, device_ids=None if devices == {torch.device("cpu")} else [self.local])

    def mean(self, values: Tensor) -> Tensor:
        """The mean over all processes; a GPU is not waited for."""
        if self.count > 1:
            distributed.all_reduce(values)
            values = values / self.count
        return values

    def gathered(self, rows: Tensor) -> Tensor:
        """The rows of all processes, one below the other, as many of each; gradients find their way back.

        Where every process goes back from the same loss of all rows, the mean of weights' gradients over the processes
        (see `average`) is that of one process with all rows.
        """
        return rows if self.count == 1 else _Gathered.apply(rows, self)

    @torch.no_grad()
    def average(self, gradients: Sequence[Tensor]) -> None:
        """Put the mean over all processes in the place of each, in one message."""
        if self.count > 1:
            flat = self.mean(torch.cat([gradient.flatten() for gradient in gradients]))
            for gradient, part in zip(gradients, flat.split([each.numel() for each in gradients]), strict=True):
                gradient.copy_(part.view_as(gradient))

    def most(self, said: int) -> int:
        """The largest number that any process says; all of them learn it."""
        if self.count == 1:
            return said
        answer = torch.tensor([said])
        distributed.all_reduce(answer, distributed.ReduceOp.MAX)
        return int(answer.item())

    def share(self, total: int) -> list[int]:
        """The rows of this process, of `total` in all; as many in every process.

        The last row stands in for those beyond the end: of what is gathered, the first `total` are wanted.

        Example:
            >>> Processes(0, 2).share(5), Processes(1, 2).share(5)
            ([0, 1, 2], [3, 4, 4])
        """
        own = -(-total // self.count)
        return [min(row, total - 1) for row in range(self.rank * own, (self.rank + 1) * own)]

    def wait(self) -> None:
        """Wait until all have come here.

        Raises:
            TrainingError: one of them is gone.
        """
        with self.watched():
            self.most(0)

    @contextmanager
    def watched(self, hint: str = _GO_ON) -> Iterator[None]:
        """Say in one line that another process is gone, where torch says it in many.

        Args:
            hint: what to do then.

        Raises:
            TrainingError: it is.
        """
        try:
            yield
        except RuntimeError as error:
            text = str(error)
            if self.count == 1 or not any(word in text for word in ("gloo", "NCCL", "closed by peer", "reset by peer")):
                raise
            raise TrainingError(
                f"process {self.rank} of {self.count} has lost another one",
                got=text.strip().splitlines()[-1][:200],
                hint=hint,
            ) from error


class _Gathered(torch.autograd.Function):
    """What every process has of a tensor; a gradient of it is the sum of what all of them say of it."""

    @staticmethod
    def forward(ctx: Any, own: Tensor, processes: Processes) -> Tensor:
        parts = [torch.empty_like(own, memory_format=torch.contiguous_format) for _ in range(processes.count)]
        distributed.all_gather(parts, own.contiguous())
        ctx.own = slice(processes.rank * len(own), (processes.rank + 1) * len(own))
        return torch.cat(parts)

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor) -> tuple[Tensor, None]:
        whole = gradients[0].clone(memory_format=torch.contiguous_format)
        distributed.all_reduce(whole)
        return whole[ctx.own], None


@contextmanager
def joined() -> Iterator[Processes]:
    """Join the others, as RANK, WORLD_SIZE, LOCAL_RANK, MASTER_ADDR and MASTER_PORT say; alone where they do not.

    Raises:
        TrainingError: they say something that cannot be, or the others do not come.
    """
    if int(os.environ.get("WORLD_SIZE", "1")) == 1:
        _refuse_one_of_several()
        yield Processes()
        return
    try:
        processes = Processes(*(int(os.environ[name]) for name in ("RANK", "WORLD_SIZE", "LOCAL_RANK")))
        distributed.init_process_group("cpu:gloo,cuda:nccl" if torch.cuda.is_available() else "gloo")
    except (KeyError, ValueError, RuntimeError) as error:
        raise TrainingError(
            "processes that train together",
            got=f"{type(error).__name__} {error}".splitlines()[0],
            hint="start them with torchrun or accelerate launch",
        ) from error
    try:
        yield processes
    finally:
        distributed.destroy_process_group()


def _refuse_one_of_several() -> None:
    """`accelerate launch --cpu --num_processes 2` names a meeting place, and starts one process all the same."""
    if os.environ.get("ACCELERATE_USE_CPU") == "True" and "MASTER_ADDR" in os.environ and "RANK" not in os.environ:
        raise TrainingError(
            "processes that train together",
            got="several asked for and one started, as accelerate launch --cpu does",
            hint="say --multi_gpu instead of its --cpu, and --device cpu behind `train`; or use torchrun",
        )
