"""A folder of pictures and captions, as people have them."""

import hashlib
import os
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Literal

from rat_modules.data.caption_files import METADATA, Which, is_utf8, read_captions, read_metadata
from rat_modules.data.captioned_files import CaptionedFiles, Item
from rat_modules.data.pictures import GREY, SUFFIXES, Colour, Fit
from rat_modules.errors import DataError

Split = Literal["all", "train", "test", "validation"]


class ImageFolder(CaptionedFiles):
    """Pictures with a text file of the same name beside each, or with a `metadata.jsonl` or `metadata.csv`.

    Subfolders are searched, names that begin with a dot are not. A metadata table names pictures relative to its own
    folder (`file_name`, `text` or `caption`) and goes before text files. A picture without a caption, a damaged one
    and a caption or a file name of another encoding than UTF-8 are left out and stand in `skipped`. Pictures whose
    first caption is the same show the same concept.

    Args:
        root: the folder.
        image_size: edge of every picture in pixels.
        split: "all"; or "train" and "test", which are the subfolders of these names where there are any, else every
            tenth picture by a hash of its name is for testing, however few there are; `withheld` counts the others.
        captions: "all" lines are captions, or the "first" one only.
        fit: "crop" takes the largest square in the middle, "pad" keeps all of it.
        background: shows through transparency; not white by default, because a generator saturates there.

    Raises:
        DataError: no such folder, a metadata table that cannot be read, or no picture that can be used.

    Example:
        >>> import tempfile
        >>> from PIL import Image
        >>> folder = Path(tempfile.mkdtemp())
        >>> Image.new("RGB", (30, 20), "red").save(folder / "bird.png")
        >>> _ = (folder / "bird.txt").write_text("a red bird")
        >>> images = ImageFolder(folder, image_size=16)
        >>> images.image(0).shape, images.captions(0)
        (torch.Size([3, 16, 16]), ('a red bird',))
    """

    def __init__(
        self,
        root: str | Path,
        *,
        image_size: int = 64,
        split: Split = "all",
        captions: Which = "all",
        fit: Fit = "crop",
        background: Colour = GREY,
    ) -> None:
        root = Path(root)
        if not root.is_dir():
            raise DataError("data folder", got=f"no folder {root}")
        if split not in ("all", "train", "test", "validation"):
            raise DataError("split of a folder", got=repr(split), expected="all, train, test or validation")
        if captions not in ("all", "first"):
            raise DataError("captions of a folder", got=repr(captions), expected="'all' or 'first'")
        self.split = split
        skipped: list[tuple[str, str]] = []
        found = list(_items(root, split, captions, skipped))
        items = [item for item, taken in found if taken]
        self.withheld = len(found) - len(items)
        if not items and self.withheld and not skipped:
            raise DataError(
                f"{split} pictures in {root}",
                got=f"none, all {self.withheld} fall to the other side of the split",
                expected="about nine in ten for training and one for testing, by a hash of each name",
                hint="put pictures into subfolders train/ and test/ to choose yourself",
            )
        if not items and not skipped:
            suffixes = ", ".join(sorted(SUFFIXES))
            expected = f"files ending in {suffixes}"
            if any(Path(root).rglob("*.tar")):
                hint = "if these are shards, their index.json is missing: write them anew by `rat-modules data shard`"
                raise DataError(f"{split} pictures in {root}", got="none, but tars", expected=expected, hint=hint)
            raise DataError(f"{split} pictures in {root}", got="none", expected=expected)
        super().__init__(
            root.resolve().name, items, skipped, image_size=image_size, fit=fit, background=background
        )

    @staticmethod
    def splits_in(root: Path) -> list[str]:
        """Splits that a folder has: its subfolders of these names, else the two by hash."""
        return _given_splits(root) or ["train", "test"]


def _given_splits(root: Path) -> list[str]:
    return [name for name in ("train", "test", "validation") if (root / name).is_dir()]


def _items(root: Path, split: Split, which: Which, skipped: list[tuple[str, str]]) -> Iterator[tuple[Item, bool]]:
    """Yield every picture with captions, and whether it falls into the split."""
    given = _given_splits(root)
    start = root / split if given and split != "all" else root
    if not start.is_dir() or (split == "validation" and not given):
        raise DataError(f"split {split!r} of {root}", got="no such subfolder")
    folders = list(_walk(start, skipped))
    tables = [folder / name for folder, files in folders for name in METADATA if name in files]
    listed = dict(pair for table in tables for pair in _listed(table, which, skipped))
    pictures = {folder / name for folder, files in folders for name in files if Path(name).suffix.lower() in SUFFIXES}
    texts = {
        folder / Path(name).stem: folder / name
        for folder, files in folders
        for name in files
        if Path(name).suffix.lower() == ".txt"
    }
    for path in sorted(pictures | listed.keys()):
        name = path.relative_to(root).with_suffix("").as_posix()
        if not is_utf8(name):  # its side of the split is a hash of UTF-8
            skipped.append((str(path), "file name is not UTF-8"))
            continue
        taken = bool(given) or split in ("all", hashed_split(name))
        captions = listed.get(path) or _text_beside(path, texts, which)
        if not isinstance(captions, str):
            yield Item(path, captions, captions[0].lower()), taken
        elif taken:
            skipped.append((str(path), captions))


def _listed(table: Path, which: Which, skipped: list[tuple[str, str]]) -> Iterator[tuple[Path, tuple[str, ...]]]:
    for name, found in read_metadata(table, which):
        path = table.parent / name
        if isinstance(found, str):
            skipped.append((name, found))
        elif ".." in Path(name).parts or Path(name).is_absolute() or not path.is_file():
            skipped.append((f"{table}: {name}", "no such file in this folder"))
        else:
            yield path, found


def hashed_split(name: str) -> Literal["train", "test"]:
    """The side on which a picture falls for ever, whatever else is in its folder: one in ten is for testing.

    Args:
        name: path within the data folder, without suffix.
    """
    number = int(hashlib.sha256(f"folder-v1/{name}".encode()).hexdigest()[:8], 16)
    return "test" if number % 100 < 10 else "train"


def _text_beside(path: Path, texts: Mapping[Path, Path], which: Which) -> tuple[str, ...] | str:
    text = texts.get(path.with_suffix(""))
    return "no caption" if text is None else read_captions(text, which)


def _walk(start: Path, skipped: list[tuple[str, str]]) -> Iterator[tuple[Path, list[str]]]:
    seen: set[str] = set()

    def failed(error: OSError) -> None:
        skipped.append((str(error.filename), f"folder cannot be read: {error.strerror}"))

    for folder, subfolders, files in os.walk(start, followlinks=True, onerror=failed):
        subfolders[:] = sorted(name for name in subfolders if not name.startswith("."))
        real = os.path.realpath(folder)  # a link back up would never end
        if real in seen:
            subfolders.clear()
            continue
        seen.add(real)
        yield Path(folder), [name for name in files if not name.startswith(".")]

