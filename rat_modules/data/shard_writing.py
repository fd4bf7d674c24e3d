"""Any data set as tars in the form of webdataset, with an index that says what lies where."""

import hashlib
import json
import sys
from collections.abc import Callable, Iterator
from itertools import chain, islice
from pathlib import Path
from typing import Any

from tqdm import tqdm

from rat_modules.atomic import atomic_write
from rat_modules.data.captioned_files import CaptionedFiles, Original
from rat_modules.data.dataset import CaptionedImages
from rat_modules.data.opening import open_dataset, splits_of
from rat_modules.data.pictures import GREY, Fit, to_png
from rat_modules.data.shard_index import INDEX, ShardEntry, ShardIndex, SplitIndex, digest_of
from rat_modules.data.shard_place import unfinished
from rat_modules.data.shards import Shards
from rat_modules.errors import DataError

Sample = dict[str, Any]  # as webdataset writes it
_FILES = (CaptionedFiles, Shards)
_CROP: Fit = "crop"


def write_shards(
    data: str | Path,
    out: Path,
    *,
    per: int = 1000,
    image_size: int | None = None,
    say: Callable[[str], object] = lambda line: None,
    **options: Any,
) -> ShardIndex:
    """Write every split of a data set: `train/000000.tar`, ..., and at the very end `index.json`.

    The same data give the same bytes. A run that was stopped leaves `unfinished.json`, and begins anew.

    Args:
        data: what `open_dataset` opens.
        out: a new or empty folder, or what a stopped run left.
        per: pictures in a tar.
        image_size: edge to which pictures are brought, to be stored as PNG; None stores the original files where
            there are files, and else pictures of the size that the data set has by itself.
        say: is told of what is left out.
        options: further keywords of the data set.

    Raises:
        DataError: the data set or the folder cannot be used, or the package `webdataset` is missing.
    """
    writer = _tar_writer()
    opened: dict[str, CaptionedImages] = {}
    missing: list[DataError] = []
    for split in splits_of(data):
        try:
            opened[split] = open_dataset(data, image_size=image_size, split=split, **options)
        except DataError as error:
            missing.append(error)
    if not opened:
        raise missing[0]
    for reason in missing:
        say(f"a split less: {reason}")
    with unfinished(out):
        splits = {
            split: _write_split(writer, dataset, out, split, per, encode=image_size is not None, say=say)
            for split, dataset in opened.items()
        }
        first = next(iter(opened.values()))
        fit, background = (first.fit, first.background) if isinstance(first, _FILES) else (_CROP, GREY)
        edge = image_size or _stored(first)
        made = None if edge is None else getattr(first, "preparation", None)
        index = ShardIndex(first.name, edge, fit, background, splits, made)
        with atomic_write(out / INDEX) as temporary:
            index.write(temporary)
    return index


def _write_split(
    writer: Any,
    dataset: CaptionedImages,
    out: Path,
    split: str,
    per: int,
    *,
    encode: bool,
    say: Callable[[str], object],
) -> SplitIndex:
    captions, different, concepts = 0, set[bytes](), set[bytes]()
    entries: list[ShardEntry] = []
    lost: list[str] = []
    samples = _samples(dataset, encode, lost)
    every = 0.2 if sys.stderr.isatty() else 10.0  # in a log file every refresh is a line
    shown: Any = {"unit": " pictures", "delay": 1, "mininterval": every, "dynamic_ncols": True, "leave": False}
    with tqdm(total=len(dataset), desc=f"writing {split}", **shown) as bar:
        # one sample is taken beforehand: no tar without pictures
        for first in samples:
            name, pictures = f"{split}/{len(entries):06d}.tar", 0
            with atomic_write(out / name) as temporary:
                with temporary.open("wb") as file, writer(file, encoder=False, mtime=0, user="", group="") as tar:
                    for sample, said, concept in chain([first], islice(samples, per - 1)):
                        tar.write(sample)
                        pictures += 1
                        captions += len(said)
                        different.update(map(_short_hash, said))
                        concepts.add(_short_hash(concept))
                        bar.update()
                with temporary.open("rb") as written:
                    sha256 = hashlib.file_digest(written, "sha256").hexdigest()
                size = temporary.stat().st_size
            entries.append(ShardEntry(name, pictures, size, sha256))
    if skipped := [f"{file}: {reason}" for file, reason in dataset.skipped] or lost:
        say(f"{split}: {len(skipped)} pictures left out, the first is {skipped[0]}")
    if not entries:
        raise DataError(f"split {split!r} of {dataset.name}", got="no picture that can be read")
    total, shards = sum(entry.pictures for entry in entries), tuple(entries)
    return SplitIndex(total, captions, len(different), len(concepts), digest_of(shards), shards)


def _samples(
    dataset: CaptionedImages, encode: bool, lost: list[str]
) -> Iterator[tuple[Sample, tuple[str, ...], str]]:
    number = 0
    for index in range(len(dataset)):
        if not isinstance(dataset, _FILES):
            original = Original(to_png(dataset.image(index)), "png", None)
        elif encode:
            pixels, place = dataset.read(index)
            if place != index:  # lost since the set was opened; the one that stands in has its own turn
                continue
            original = Original(to_png(pixels), "png", None)
        else:
            try:
                original = dataset.original(index)
            except DataError as error:
                lost.append(str(error))
                continue
        said, concept = tuple(dataset.captions(index)), dataset.concept(index)
        record = {"captions": said, "concept": concept, **({"box": original.box} if original.box else {})}
        content = json.dumps(record, ensure_ascii=False).encode()
        yield {"__key__": f"{number:09d}", original.ending: original.content, "json": content}, said, concept
        number += 1


def _stored(dataset: CaptionedImages) -> int | None:
    """The edge of pictures that are stored as they are; None where they are files of any size."""
    if isinstance(dataset, Shards):
        return dataset.stored
    return None if isinstance(dataset, CaptionedFiles) else dataset.image_size


def _short_hash(text: str) -> bytes:
    # of millions of captions, too
    return hashlib.blake2b(text.encode("utf-8", "surrogatepass"), digest_size=8).digest()


def _tar_writer() -> Any:
    try:
        from webdataset import TarWriter
    except ImportError as error:
        hint = "pip install 'rat-modules[shards]'"
        raise DataError("writing shards", got=str(error), expected="the package webdataset", hint=hint) from error
    return TarWriter
