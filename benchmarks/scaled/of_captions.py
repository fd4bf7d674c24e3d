"""Blocks of the page about captions and pictures: from ten thousand to a billion."""

from collections.abc import Iterator
from typing import Any

from scaled.words import count, size, table, time

COUNTS = (10**4, 10**6, 10**9)  # captions, one a picture
WINDOW, READERS = 4, 128
Numbers = dict[str, Any]


def streaming(numbers: Numbers) -> Iterator[str]:
    """One reader, one thread."""
    found = numbers["streaming"]
    names = {"originals": f"JPEG, {found['edge_of_originals']} px", "64": "PNG, 64 px", "256": "PNG, 256 px"}
    rows = []
    for name, kept in found["sets"].items():
        for edge, seconds in kept["seconds_to_read_a_picture"].items():
            opening = kept["seconds_to_open_a_picture_of_a_tar"] * 1000
            sizes = (size(kept["bytes_a_picture"]), count(1 / kept["seconds_to_write_a_picture"]))
            rows.append((names[name], *sizes, f"{edge} px", count(1 / seconds), time(opening)))
    head = ("stored", "a picture", "written a second", "read at", "read a second", "opening a tar of 1,000")
    yield from table(head, rows)
    yield ""
    yield (
        f"A reader grows by {size(found['reader_bytes'])} and has at most {found['open_at_most']} tars open with a "
        f"window of {found['window']}; the captions of a picture whose pixels another process reads take it "
        f"{time(found['seconds_a_record'])}."
    )


def index(numbers: Numbers) -> Iterator[str]:
    """What an index costs whoever opens the set."""
    found = numbers["index"]
    rows = []
    for tars, each in found["tars"].items():
        rows.append((
            count(int(tars)), size(each["index_bytes"]), time(each["seconds_read"]), size(each["held_bytes"]),
            f"~{time(int(tars) * found['seconds_to_look_at_a_file'])}", time(each["seconds_first_place"]),
            time(each["seconds_next_place"]),
        ))  # fmt: skip
    head = ("tars", "`index.json`", "read and checked", "held", "sizes of all tars", f"to step {found['step']:,}")
    yield from table((*head, "next step"), rows)


def captions(numbers: Numbers) -> Iterator[str]:
    """What a caption costs by itself."""
    found = numbers["captions"]
    rows = (
        ("held in memory: text and sentence", size(found["held_bytes_a_caption"])),
        ("at most, while a set is taken in", size(found["most_bytes_a_caption"])),
        ("time to take one in: number, sentence", time(found["seconds_to_take_in_a_caption"])),
        ("`encode`, of many at once", time(found["seconds_together"])),
        ("`encode`, one by one, as streaming does", time(found["seconds_singly"])),
        ("memory of `data shard`, which counts the different ones", size(found["written_bytes_a_caption"])),
    )
    yield from table((f"a caption of {found['characters']:.0f} letters, sentence of {found['width']}", "each"), rows)


def scales(numbers: Numbers) -> Iterator[str]:
    """The same job with more captions."""
    said, kept = numbers["captions"], numbers["streaming"]["sets"]
    per = numbers["index"]["pictures_a_tar"]
    read = kept["originals"]["seconds_to_read_a_picture"]["256"]
    opening = per * kept["originals"]["seconds_to_open_a_picture_of_a_tar"]
    lines: dict[str, list[str]] = {}

    def line(name: str, value: str) -> None:
        lines.setdefault(name, []).append(value)

    for total in COUNTS:
        tars = total // per
        known = numbers["index"]["tars"][str(tars)]
        line("captions, pictures", count(total))
        line("in memory, each process", f"~{size(total * said['held_bytes_a_caption'])}")
        line("in memory, start of each process", f"~{time(total * said['seconds_to_take_in_a_caption'])}")
        for name, words in (("64", "64 px PNG"), ("originals", "320 px JPEG")):
            line(f"disk, {words}", f"~{size(total * kept[name]['bytes_a_picture'])}")
        line("tars of 1,000", count(tars))
        line("`index.json`; held by each process", f"{size(known['index_bytes'])}; {size(known['held_bytes'])}")
        looking = time(tars * numbers["index"]["seconds_to_look_at_a_file"])
        line("start of each process: index, sizes of tars", f"{time(known['seconds_read'])}, ~{looking}")
        line("`data shard`, one process: memory", f"~{size(total * said['written_bytes_a_caption'])}")
        line("`data shard`, one process: time, originals",
             f"~{time(total * kept['originals']['seconds_to_write_a_picture'])}")  # fmt: skip
        line("mixed with one another, window of 4", f"{min(1, WINDOW * per / total):.2g} of the set")
        line(f"an epoch, {READERS} readers, 256 px: pictures", f"~{time(total * read / READERS)}")
        line(f"an epoch, {READERS} readers: headers, read by each", f"~{time(tars * opening)}")
        line("an epoch: sentences, in each process", f"~{time(total * said['seconds_singly'])}")
    first, *rest = lines.items()
    yield from table((first[0], *first[1]), ((name, *values) for name, values in rest))
