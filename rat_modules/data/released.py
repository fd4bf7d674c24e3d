"""CUB, Oxford-102 and COCO, laid out as the published text-to-image repositories expect them."""

from collections.abc import Mapping, Sequence
from pathlib import Path, PurePosixPath
from typing import Any, Literal

import numpy as np

from rat_modules.data.caption_files import captions_of, read_captions, read_text
from rat_modules.data.captioned_files import Box, CaptionedFiles, Item
from rat_modules.data.pictures import GREY, Colour
from rat_modules.errors import DataError
from rat_modules.plain_pickle import load_plain

Split = Literal["train", "test"]

# where the published repositories look for pictures and for captions, CUB, Oxford-102 and COCO
_IMAGES = (
    "CUB_200_2011/images",
    "images",
    "oxford-102-flowers/images",
    "jpg",
    "images/train2014/jpg",
    "images/val2014/jpg",
    "images/train2014",
    "images/val2014",
    "train2014",
    "val2014",
)
_TEXTS = ("text", "jpg_text")
_NUMBERS = ("captions.pickle", "captions_DAMSM.pickle")
_SUFFIXES = (".jpg", ".jpeg", ".png")


class Released(CaptionedFiles):
    """Pictures and captions of CUB, Oxford-102 or COCO as published.

    It reads `{train,test}/filenames.pickle`, the picture of each name, its captions from `text/NAME.txt` (or from
    `captions.pickle` where there are no texts), its class from `{train,test}/class_info.pickle`, and, where
    `CUB_200_2011/bounding_boxes.txt` is, takes the published crop around the bird. Pickles run nothing.
    The published Oxford-102 training used all 8,189 pictures for training and for testing; here the file names decide.

    Args:
        root: the folder that holds `train/filenames.pickle`.
        image_size: edge of every picture in pixels.
        split: "train" or "test".
        background: shows through transparency.

    Raises:
        DataError: a part of the layout is missing or contradicts another one.
        CheckpointError: a pickle is damaged or holds more than plain data.
    """

    def __init__(
        self, root: str | Path, *, image_size: int = 256, split: Split = "train", background: Colour = GREY
    ) -> None:
        root = Path(root)
        if split not in ("train", "test"):
            raise DataError("split of a published data set", got=repr(split), expected="'train' or 'test'")
        self.split = split
        skipped: list[tuple[str, str]] = []
        names, classes = _names(root, split)
        captions = _Captions(root, split, names)
        boxes = _boxes(root)
        folders = [root / folder for folder in _IMAGES if (root / folder).is_dir()]
        if not folders:
            raise DataError(f"pictures in {root}", got="no folder of them", expected=f"one of {', '.join(_IMAGES)}")
        items = []
        for place, name in enumerate(names):
            path = _picture(folders, name)
            said = captions.of(place, name) if path is not None else ""
            if path is None:
                skipped.append((name, f"no picture of this name in {', '.join(map(str, folders))}"))
            elif isinstance(said, str):
                skipped.append((name, said))
            elif boxes and name not in boxes:
                skipped.append((name, "no bounding box"))
            else:
                items.append(Item(path, said, classes[place], boxes.get(name)))
        super().__init__(root.resolve().name, items, skipped, image_size=image_size, background=background)

    @staticmethod
    def splits_in(root: Path) -> list[str]:
        """Splits of the published layout that a folder has."""
        return [split for split in ("train", "test") if (root / split / "filenames.pickle").is_file()]


def _names(root: Path, split: Split) -> tuple[list[str], list[str]]:
    """File names of a split and the concept of each."""
    file = root / split / "filenames.pickle"
    if not file.is_file():
        raise DataError("published data set", got=f"no file {file}", expected="a list of file names")
    names: Any = load_plain(file)
    classes: Any = None
    if isinstance(names, dict) and {"img", "cat"} <= names.keys():  # Oxford-102 as RAT-GAN keeps it
        names, classes = names["img"], names["cat"]
    names = _listed(names, file)
    if not all(isinstance(name, str) for name in names):
        raise DataError(f"{file}", got=f"a {type(names[0]).__name__}", expected="a list of file names")
    info = root / split / "class_info.pickle"
    if classes is None and info.is_file():
        classes = load_plain(info)
    classes = _listed(names if classes is None else classes, info)  # without classes each picture is its own
    if len(classes) != len(names):
        raise DataError(f"{info} does not fit {file}", got=f"{len(classes)} classes", expected=f"{len(names)}")
    for label in classes:
        if not isinstance(label, str | int | float | np.number):
            got, expected = f"a {type(label).__name__}", "a number or a name for each picture"
            raise DataError(f"{info}", got=got, expected=expected)
    return names, [str(label) for label in classes]


def _listed(content: Any, file: Path) -> list[Any]:
    # an array of numpy is listed too
    if isinstance(content, str | bytes | dict) or not hasattr(content, "__len__") or len(content) == 0:
        raise DataError(f"{file}", got=type(content).__name__, expected="a list that is not empty")
    return list(content)


def _picture(folders: Sequence[Path], name: str) -> Path | None:
    inside = PurePosixPath(name)
    if inside.is_absolute() or ".." in inside.parts:
        return None
    candidates = (folder / f"{name}{suffix}" for folder in folders for suffix in _SUFFIXES)
    return next((path for path in candidates if path.is_file()), None)


def _boxes(root: Path) -> dict[str, Box]:
    """Picture name -> (x, y, width, height), for CUB; empty for others."""
    table, index = root / "CUB_200_2011/bounding_boxes.txt", root / "CUB_200_2011/images.txt"
    if not table.is_file():
        if (root / "CUB_200_2011").is_dir():
            raise DataError("CUB", got=f"no file {table}", expected="bounding boxes")
        return {}
    if not index.is_file():
        raise DataError("CUB", got=f"no file {index}", expected="the numbers of the pictures")
    try:
        rows = (line.split() for line in read_text(table).splitlines() if line.strip())
        # the published code cuts fractions off as well
        boxes = {row[0]: tuple(int(float(value)) for value in row[1:5]) for row in rows}
        pictures = (line.split() for line in read_text(index).splitlines() if line.strip())
        return {name.rpartition(".")[0]: _four(boxes[number]) for number, name in pictures}
    except (ValueError, IndexError, KeyError, OverflowError) as error:
        raise DataError(f"{table} and {index} do not fit", got=str(error)) from error


def _four(values: tuple[int, ...]) -> Box:
    x, y, width, height = values
    if max(map(abs, values)) >= 2**31:
        raise ValueError("a box beyond any picture")
    return x, y, width, height


class _Captions:
    """Captions of a published set: ten lines of text a picture, or word numbers in `captions.pickle`."""

    def __init__(self, root: Path, split: Split, names: Sequence[str]) -> None:
        self._texts = next((root / folder for folder in _TEXTS if (root / folder).is_dir()), None)
        self._numbers: Sequence[Any] = ()
        self._words: Any = {}
        self._each = 0
        if self._texts is None:
            file = next((root / name for name in _NUMBERS if (root / name).is_file()), None)
            if file is None:
                raise DataError(f"captions in {root}", got="none", expected=f"{_TEXTS[0]}/ or {_NUMBERS[0]}")
            content = load_plain(file)
            if not isinstance(content, list | tuple) or len(content) < 3:
                raise DataError(f"{file}", got=type(content).__name__, expected="[train, test, index-to-word, ...]")
            self._numbers, self._words = content[("train", "test").index(split)], content[2]
            if not isinstance(self._numbers, list | tuple | np.ndarray) or not isinstance(self._words, Mapping):
                got = f"{type(self._numbers).__name__} and {type(self._words).__name__}"
                raise DataError(f"captions and words in {file}", got=got, expected="lists of numbers, and a dict")
            self._each, rest = divmod(len(self._numbers), len(names))
            if rest or not self._each:
                raise DataError(
                    f"{file} does not fit the file names of {split!r}",
                    got=f"{len(self._numbers)} captions of {len(names)} pictures",
                    expected="the same number for each",
                )

    def of(self, place: int, name: str) -> tuple[str, ...] | str:
        """Captions of a picture, or what is wrong with them."""
        if self._texts is None:
            chosen = self._numbers[place * self._each : (place + 1) * self._each]
            try:
                lines = [" ".join(self._words.get(int(number), "") for number in numbers) for numbers in chosen]
            except (TypeError, ValueError, OverflowError) as error:
                return f"captions are no numbers of words: {error}"
            return captions_of("\n".join(lines), "all") or "empty caption"
        path = self._texts / f"{name}.txt"
        return read_captions(path, "all") if path.is_file() else f"no captions: no file {path}"
