"""What is in a data folder, and what is wrong with it, before anything is trained on it."""

import hashlib
from pathlib import Path

import torch
from torch import Tensor
from torch.nn.functional import avg_pool2d

from rat_modules.data.captioned_files import CaptionedFiles
from rat_modules.data.check_report import NEAR_RMSE, TINY, FolderReport, SplitReport
from rat_modules.data.dataset import CaptionedImages
from rat_modules.data.opening import find_dataset, open_dataset, splits_of
from rat_modules.data.shards import Shards
from rat_modules.errors import DataError

_EDGE, _THUMBNAIL = 64, 16


def check_folder(path: str | Path) -> FolderReport:
    """Read every picture and caption of a data folder, in each of its splits.

    Args:
        path: pictures with captions, a published layout, or a folder made by `rat-modules data`, of whose shards every
            byte is checked; a registered name such as "shapes" works too.

    Raises:
        DataError: nothing there can be used.

    Example:
        >>> import tempfile
        >>> from PIL import Image
        >>> folder = Path(tempfile.mkdtemp())
        >>> for name in ("red", "blue", "gold"):
        ...     Image.new("RGB", (40, 40), name).save(folder / f"{name}.png")
        >>> _ = (folder / "red.txt").write_text("a red square"), (folder / "blue.txt").write_text("a blue square")
        >>> report = check_folder(folder)
        >>> sum(split.pictures for split in report.splits), report.reasons()
        (2, {'no caption': 1})
    """
    kind, _ = find_dataset(path)
    opened: dict[str, CaptionedImages] = {}
    problems: list[tuple[str, DataError]] = []
    # pictures that were stored smaller are looked at as they are
    more = {"enlarge": True} if kind == "shards" else {}
    for split in splits_of(path):
        try:
            dataset = open_dataset(path, image_size=_EDGE, split=split, **more)
            if isinstance(dataset, Shards):
                dataset.check_hashes()
            opened[split] = dataset
        except DataError as error:
            problems.append((split, error))
    if not opened:
        raise problems[0][1]
    contents = {split: _Content(dataset) for split, dataset in opened.items()}
    left_out = [skip for dataset in opened.values() for skip in dataset.skipped]
    left_out += [skip for _, error in problems for skip in error.skipped]
    identical, near = _overlap(contents.get("test"), contents.get("train"))
    return FolderReport(
        f"{path} ({kind})",
        tuple(_report(split, opened[split], contents[split]) for split in opened),
        tuple((split, str(error)) for split, error in problems),
        tuple(dict.fromkeys(left_out)),
        identical,
        near,
    )


class _Content:
    """Hash and thumbnail of every picture of a split."""

    def __init__(self, dataset: CaptionedImages) -> None:
        self.names, self.hashes = [], []
        self.thumbnails = torch.empty(len(dataset), 3 * _THUMBNAIL**2, dtype=torch.uint8)
        for index in range(len(dataset)):
            picture = dataset.image(index)
            self.names.append(_name(dataset, index))
            self.hashes.append(hashlib.sha256(picture.numpy().tobytes()).hexdigest())
            small = avg_pool2d(picture.float(), _EDGE // _THUMBNAIL)
            self.thumbnails[index] = small.round().to(torch.uint8).flatten()


def _name(dataset: CaptionedImages, index: int) -> str:
    if isinstance(dataset, Shards):
        return dataset.place_of(index)
    return str(dataset.item(index).file) if isinstance(dataset, CaptionedFiles) else f"picture {index}"


def _report(split: str, dataset: CaptionedImages, content: _Content) -> SplitReport:
    said = [dataset.captions(index) for index in range(len(dataset))]
    concepts = [dataset.concept(index) for index in range(len(dataset))]
    spoken: dict[str, set[str]] = {}
    for captions, concept in zip(said, concepts, strict=True):
        for caption in captions:
            spoken.setdefault(caption.lower(), set()).add(concept)
    total = sum(map(len, said))
    tiny = None
    if isinstance(dataset, CaptionedFiles):
        tiny = sum(min(dataset.source_size(index)) < TINY for index in range(len(dataset)))
    return SplitReport(
        split=split,
        pictures=len(dataset),
        concepts=len(set(concepts)),
        captions=total,
        different_captions=len(spoken),
        words=sum(len(caption.split()) for captions in said for caption in captions) / max(total, 1),
        shared_captions=sum(len(of) > 1 for of in spoken.values()),
        doubled_captions=sum(len(captions) - len({c.lower() for c in captions}) for captions in said),
        tiny=tiny,
        repeated=len(content.hashes) - len(set(content.hashes)),
    )


_Pairs = tuple[tuple[str, str], ...]


def _overlap(test: _Content | None, train: _Content | None) -> tuple[_Pairs, _Pairs]:
    if test is None or train is None:
        return (), ()
    where = dict(zip(train.hashes, train.names, strict=True))
    identical, near = [], []
    distances, places = _nearest(test.thumbnails, train.thumbnails)
    for index, name in enumerate(test.names):
        if test.hashes[index] in where:
            identical.append((name, where[test.hashes[index]]))
        elif distances[index] < NEAR_RMSE:
            near.append((name, train.names[int(places[index])]))
    return tuple(identical), tuple(near)


def _nearest(test: Tensor, train: Tensor) -> tuple[Tensor, Tensor]:
    """Root mean square distance of each test thumbnail to its nearest training one, white being 1, and which it is."""
    distances = torch.full((len(test),), torch.inf)
    places = torch.zeros(len(test), dtype=torch.long)
    for start in range(0, len(train), 4096):
        some = train[start : start + 4096].float() / 255
        for row in range(0, len(test), 1024):
            chosen = slice(row, row + 1024)
            squares = torch.cdist(test[chosen].float() / 255, some, compute_mode="use_mm_for_euclid_dist_if_necessary")
            nearest, place = squares.min(dim=1)
            better = nearest / some.shape[1] ** 0.5 < distances[chosen]
            places[chosen] = torch.where(better, place + start, places[chosen])
            distances[chosen] = torch.minimum(distances[chosen], nearest / some.shape[1] ** 0.5)
    return distances, places
