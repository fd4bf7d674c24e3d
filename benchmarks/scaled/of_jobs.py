"""Blocks of the page about checkpoints, evaluation, sampling, what comes first where, and the machine."""

from collections.abc import Iterator
from typing import Any

from scaled.of_gpus import EACH, WORKERS, reading
from scaled.words import count, size, table, time

PUBLISHED, LARGEST = 30_000, 10_000  # samples of the published protocols; pictures that one `sample` draws
Numbers = dict[str, Any]


def checkpoints(numbers: Numbers) -> Iterator[str]:
    found = numbers["checkpoints"]
    rows = (
        (f"`{name}`", size(each["bytes"]), time(each["seconds_to_write"]), time(each["seconds_to_read"]))
        for name, each in found["recipes"].items()
    )
    yield from table(("recipe", "a checkpoint", "written", "read"), rows)
    command = found["command"]
    yield ""
    yield (
        f"`train --resume` of `{command['recipe']}` with one more step and its checkpoint, from the command line to "
        f"the end: {time(command['resume_and_one_step'])}, of which the processor worked "
        f"{time(command['processor_seconds_of_resume'])}."
    )


def evaluation(numbers: Numbers) -> Iterator[str]:
    found = numbers["evaluation"]
    rows = (
        (processes, count(each["pictures_a_second"]), time(each["processor_seconds_a_picture"]))
        for processes, each in found["command"]["processes"].items()
    )
    yield from table(("processes", "pictures a second, by the clock", "processor of all, a picture"), rows)
    yield ""
    pairs = found["seconds_a_million_pairs"]
    yield (
        f"Precision and recall compare all pairs, {time(pairs)} a million: ~{time(pairs * PUBLISHED**2 / 1e6)} for "
        f"{PUBLISHED:,} pictures, in the first process alone."
    )


def memory(numbers: Numbers) -> Iterator[str]:
    found = numbers["memory"]
    rows = (
        (count(int(pictures)), size(each["most"]), size(each["disk"])) for pictures, each in found["pictures"].items()
    )
    yield from table((f"pictures, features of width {found['width']:,}", "memory at most", "temporary disk"), rows)


def sampling(numbers: Numbers) -> Iterator[str]:
    found = numbers["sampling"]
    scale = (256 / found["image_size"]) ** 2
    rows = (
        (
            processes,
            time(each["processor_seconds_a_picture"]),
            size(each["most_bytes_a_picture"]),
            f"~{size(LARGEST * scale * each['most_bytes_a_picture'])}",
        )
        for processes, each in found["processes"].items()
    )
    yield from table(
        ("processes", f"processor of all, a picture of {found['image_size']} px",
         "memory of the largest process, a picture", f"for {LARGEST:,} of 256 px"), rows,
    )  # fmt: skip


def bottlenecks(numbers: Numbers) -> Iterator[str]:
    """What comes first where, in numbers of above."""
    said, index, found = numbers["captions"], numbers["index"], numbers["evaluation"]

    most = count(round(1 / said["seconds_singly"], -2))

    def reads(gpus: int) -> str:
        pictures, records, headers = reading(numbers, "originals", "256", gpus * EACH, WORKERS)
        return f"pictures {time(pictures)}, records {time(records)}, headers {time(headers)} of one reader"

    largest = index["tars"]["1000000"]
    start = f"{time(largest['seconds_read'])} and {size(largest['held_bytes'])}"
    rows = (
        ("1 GPU, 10,000 captions", "the GPU itself (not measured); all is in memory"),
        ("1 GPU, streamed", f"readers: {reads(1)}"),
        ("8 GPUs", f"readers, and cores for them: {reads(8)}; captions of the whole batch are encoded in every process "
                   f"({time(8 * EACH * said['seconds_singly'])} an iteration, before it begins)"),
        ("64 GPUs", f"the same captions: {time(64 * EACH * said['seconds_singly'])} an iteration that no reader takes "
                    f"off the process, ~{most} pictures a second at most, whatever the number of "
                    f"GPUs; and {reads(64)}"),
        ("1,000,000 captions in memory", f"{size(1e6 * said['held_bytes_a_caption'])} in each process, and "
                                         f"{time(1e6 * said['seconds_to_take_in_a_caption'])} before it begins"),
        ("1,000,000,000 captions", f"writing them: `data shard` is one process and would hold "
                                   f"{size(1e9 * said['written_bytes_a_caption'])}; then the start, {start} "
                                   "in every process"),
        ("evaluation, several processes", f"{found['at_once']} pictures at a time over all of them: beyond "
                                          f"{found['at_once']} processes nothing is left to share"),
    )  # fmt: skip
    yield from table(("where", "what comes first"), rows)


def machines(numbers: Numbers) -> Iterator[str]:
    """On what, and how loaded, every subject was measured."""
    rows = []
    for name, found in numbers.items():
        machine = f"{found['device']}, {found['cores']} cores"
        versions = f"torch {found['torch']}, python {found['python']}"
        rows.append((name, machine, versions, f"`{found['commit']}`", found["day"], f"{found['load_before']:.1f}"))
    yield from table(("measured", "machine", "versions", "commit", "day", "load before"), rows)
