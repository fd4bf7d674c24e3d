"""One of the processes that torchrun starts: `pair.py RECIPE BATCH ITERATIONS`; the first one prints JSON.

A loaded machine makes times long: each is a median with its quartiles, and processor time stands beside the clock.
"""

import json
import sys
from statistics import median
from time import perf_counter, process_time
from types import SimpleNamespace
from typing import Any

import torch
from torch import distributed
from torch.distributed.algorithms.ddp_comm_hooks.default_hooks import allreduce_hook
from torch.nn.parallel import DistributedDataParallel

from rat_modules import assemble
from rat_modules.training.batch import Batch
from rat_modules.training.iteration import train_step
from rat_modules.training.processes import Processes, joined
from rat_modules.training.state import TrainingState
from scaled.running import spread


def main(recipe: str, batch: int, iterations: int) -> dict[str, Any]:
    torch.set_num_threads(1)
    with joined() as processes:
        torch.manual_seed(0)
        assembly = assemble(recipe, **{"text_encoder.name": "none"})
        state = TrainingState.start(assembly, seed=0)
        parts = {name: getattr(assembly, name) for name in ("generator", "discriminator")}
        wrapped = {name: processes.wrapped(part) for name, part in parts.items()}
        moved: list[int] = []
        for part in wrapped.values():
            if isinstance(part, DistributedDataParallel):
                part.register_comm_hook(None, lambda _, bucket: counted(moved, bucket))
        networks = SimpleNamespace(loss=assembly.loss, **wrapped)
        own, size = batch // processes.count, assembly.generator.image_size
        drawn = Batch(
            torch.rand(own, 3, size, size),
            torch.randn(own, assembly.generator.cond_dim),
            torch.randn(own, assembly.generator.noise_dim),
        )

        def iterate(step: int) -> tuple[float, float]:
            processes.wait()
            clock, processor = perf_counter(), process_time()
            train_step(networks, state.optimizers, drawn, assembly.recipe.training, step)
            return perf_counter() - clock, process_time() - processor

        iterate(1)  # the first pays for memory and for Adam's moments
        moved.clear()
        iterate(2)
        found: dict[str, Any] = {
            "processes": processes.count,
            "batch": batch,
            "schedule": assembly.recipe.training.schedule,
            "image_size": size,
            "weight_bytes": {name: of_weights(part) for name, part in parts.items()},
            "buffer_bytes": sum(each.nbytes for part in parts.values() for each in part.buffers()),
            "moved_bytes": sum(moved),
        }
        if iterations:
            times = [iterate(3 + number) for number in range(iterations)]
            found["seconds"] = spread([each[0] for each in times])
            found["processor_seconds"] = median(each[1] for each in times)
        if processes.count > 1:
            found["all_reduce"] = {name: all_reduce(of_weights(part)) for name, part in parts.items()}
            found["all_reduce_seconds_of_a_number"] = spread([alone(processes) for _ in range(100)])
        if processes.first:
            print(json.dumps(found))
    return found


def counted(moved: list[int], bucket: Any) -> Any:
    """What would be done anyhow, and the bytes of it."""
    moved.append(bucket.buffer().nbytes)
    return allreduce_hook(None, bucket)


def of_weights(part: torch.nn.Module) -> int:
    """Bytes of the weights that learn; their gradients are as many."""
    return sum(each.nbytes for each in part.parameters() if each.requires_grad)


def all_reduce(size: int) -> dict[str, float]:
    """Seconds of the sum of so many bytes over the processes, with nothing else to do."""
    values, times = torch.zeros(size // 4), []
    for _ in range(12):
        distributed.barrier()
        began = perf_counter()
        distributed.all_reduce(values)
        times.append(perf_counter() - began)
    return {"bytes": size, **spread(times[2:])}


def alone(processes: Processes) -> float:
    """Seconds in which the processes tell one another one number, as they do before each iteration."""
    began = perf_counter()
    processes.most(0)
    return perf_counter() - began


if __name__ == "__main__":
    main(sys.argv[1], int(sys.argv[2]), int(sys.argv[3]))
