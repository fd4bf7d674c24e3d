"""Blocks of the page about processes: what is sent, how long that takes, and what feeds a GPU."""

from collections.abc import Iterator
from typing import Any

from scaled.words import count, size, table, time

GPUS, EACH, WORKERS = (1, 8, 64), 24, 2
LINKS = {"300 GB/s": 300e9, "12.5 GB/s": 12.5e9, "1.25 GB/s": 1.25e9}  # NVLink, 100 Gbit/s, 10 Gbit/s
ITERATIONS = (0.1, 0.25, 0.5)  # seconds: assumed
SETS = {"64 px, PNG": ("64", "64"), "256 px, JPEG": ("originals", "256")}
Numbers = dict[str, Any]


def gradients(numbers: Numbers) -> Iterator[str]:
    """Weights, and what the processes bring together in an iteration."""
    rows = []
    for name, found in numbers["gradients"]["recipes"].items():
        weights = found["weight_bytes"]
        times = 2 if found["schedule"] == "alternating" else 1
        if found["moved_bytes"] != times * weights["discriminator"] + weights["generator"]:
            raise SystemExit(f"{name}: what was counted is not the sum of the gradients")
        sizes = (size(weights["generator"]), size(weights["discriminator"]), size(found["moved_bytes"]))
        rows.append((f"`{name}`", f"{found['image_size']} px", found["schedule"], *sizes))
    yield from table(("recipe", "pictures", "schedule", "weights of G", "weights of D", "sent an iteration"), rows)


def processes(numbers: Numbers) -> Iterator[str]:
    """One process and two, on the same machine."""
    timed = numbers["gradients"]["timed"]
    rows = []
    for name in ("one", "one, half of the batch", "two"):
        found = timed[name]
        clock = found["seconds"]
        quartiles = f"{time(clock['median'])} ({time(clock['low'])} to {time(clock['high'])})"
        rows.append((str(found["processes"]), str(found["batch"]), quartiles, time(found["processor_seconds"])))
    yield from table(("processes", "batch in all", "iteration, by the clock", "processor, of each process"), rows)
    two, large = timed["two"], numbers["gradients"]["recipes"]["ratgan"]
    told = []
    for name, found in ((timed["recipe"], two), ("ratgan", large)):
        parts = found["all_reduce"]
        told.append(f"`{name}` {time(parts['generator']['median'])} for G and {time(parts['discriminator']['median'])} "
                    f"for D")  # fmt: skip
    yield ""
    yield (
        f"The sum over two processes alone, by gloo on one machine: {', '.join(told)}. One number, which the processes "
        f"tell one another before each iteration so as to stop together: {time(_number(two))}."
    )


def _number(found: Numbers) -> float:
    return float(found["all_reduce_seconds_of_a_number"]["median"])


def gpus(numbers: Numbers) -> Iterator[str]:
    """Batch, work that is repeated in every process, and traffic of `ratgan`."""
    moved = numbers["gradients"]["recipes"]["ratgan"]["moved_bytes"]
    singly, record = numbers["captions"]["seconds_singly"], numbers["streaming"]["seconds_a_record"]
    rows = []
    for gpus in GPUS:
        batch = gpus * EACH
        sent = 2 * (gpus - 1) / gpus * moved
        links = [time(sent / speed) if sent else "-" for speed in LINKS.values()]
        texts = (time(batch * singly), time(batch * record))
        rows.append((str(gpus), str(EACH), count(batch), size(sent) if sent else "-", *links, *texts))
    head = ("GPUs", "batch a GPU", "`--batch`", "each sends", *(f"at {name}" for name in LINKS))
    yield from table((*head, "sentences, in each process", "records, in each reader"), rows)


def readers(numbers: Numbers) -> Iterator[str]:
    """How many readers a process needs so that an iteration of so many seconds does not wait."""
    rows = []
    for name, (kept, edge) in SETS.items():
        for gpus in GPUS:
            work = reading(numbers, kept, edge, gpus * EACH, WORKERS)
            needed = [str(readers_for(numbers, kept, edge, gpus * EACH, seconds)) for seconds in ITERATIONS]
            rows.append((name, str(gpus), *(time(part) for part in work), time(sum(work)), *needed))
    head = ("stored", "GPUs", "pictures", "records", "opening tars", "in all")
    yield from table((*head, *(f"readers at {time(seconds)}" for seconds in ITERATIONS)), rows)


def reading(numbers: Numbers, kept: str, edge: str, batch: int, workers: int) -> tuple[float, float, float]:
    """Seconds of one reader for one iteration: own pictures, records of the whole batch, headers of tars.

    A reader opens every tar whose pictures it meets: so many times more tars an iteration as there are readers that
    take turns, up to those of which a batch comes.
    """
    streaming, index = numbers["streaming"], numbers["index"]
    found, per = streaming["sets"][kept], index["pictures_a_tar"]
    tars = min(workers * batch / per, index["tars_in_a_batch"][str(index["batch"])]["4"])
    headers = tars * per * found["seconds_to_open_a_picture_of_a_tar"]
    return EACH * found["seconds_to_read_a_picture"][edge], batch * streaming["seconds_a_record"], headers


def readers_for(numbers: Numbers, kept: str, edge: str, batch: int, seconds: float) -> int:
    """The fewest readers that together read an iteration in so many seconds."""
    enough = (
        workers for workers in range(1, 1000) if sum(reading(numbers, kept, edge, batch, workers)) <= workers * seconds
    )
    return next(enough)
