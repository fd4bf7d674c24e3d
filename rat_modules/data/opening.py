"""From what somebody wrote after `--data` to a data set."""

import inspect
import json
import typing
from pathlib import Path
from typing import Any

from rat_modules.data.dataset import CaptionedImages
from rat_modules.data.released import Released
from rat_modules.data.shard_index import holds_shards
from rat_modules.errors import DataError
from rat_modules.registry.manager import get_catalog
from rat_modules.registry.nearest import did_you_mean
from rat_modules.regular import read_regular_text

MARK = "dataset.json"


def open_dataset(
    spec: str | Path, *, image_size: int | None = None, split: str = "train", **options: Any
) -> CaptionedImages:
    """Open a registered data set by its name, or whatever a folder holds.

    A folder is taken for what its content says: `dataset.json` (made by `rat-modules data`: it names its data set),
    `index.json` (shards, made by `rat-modules data shard`), `train/filenames.pickle` (CUB, Oxford-102 or COCO as
    published), else pictures with captions.

    Args:
        spec: a name such as "shapes", or a folder; "./shapes" is always a folder.
        image_size: edge of every picture in pixels; None takes the data set's own default.
        split: "train", "test", or what else the data set has.
        options: further keywords of the data set.

    Raises:
        DataError: there is neither such a name nor such a folder, or what is there cannot be used.

    Example:
        >>> shapes = open_dataset("shapes", image_size=32, split="test")
        >>> shapes.image(0).shape
        torch.Size([3, 32, 32])
    """
    keywords = {"split": split, **({} if image_size is None else {"image_size": image_size}), **options}
    name, root = find_dataset(spec)
    target = get_catalog().get("datasets", name).resolve()
    parameters = inspect.signature(target).parameters
    required = [key for key, parameter in parameters.items() if parameter.default is parameter.empty]
    if root is None and required:
        raise DataError(f"data set {name!r} lies in a folder", got="its name alone", hint="give the folder instead")
    places = () if root is None else (root,)
    try:
        inspect.signature(target).bind(*places, **keywords)
    except TypeError as error:
        raise DataError(f"options of data set {name!r}", got=str(error), expected=", ".join(parameters)) from error
    dataset: CaptionedImages = target(*places, **keywords)
    return dataset


def find_dataset(spec: str | Path) -> tuple[str, Path | None]:
    """The registered name of what `spec` means, and the folder it lies in; see `open_dataset`."""
    names = get_catalog().names("datasets")
    if spec == "":  # Path would make the current folder of it
        expected = f"a folder or one of {', '.join(names)}"
        raise DataError("data", got="an empty name", expected=expected, hint="write . for the current folder")
    if str(spec) in names:
        return str(spec), None
    path = Path(spec)
    if path.is_dir():
        return _kind_of(path), path
    if path.exists():
        raise DataError("data", got=f"the file {path}", expected="a folder, or one of " + ", ".join(names))
    raise DataError(
        "data",
        got=repr(str(spec)),
        expected=f"a folder (there is none at {path}) or one of {', '.join(names)}",
        hint=did_you_mean(str(spec), names),
    )


def splits_of(spec: str | Path) -> list[str]:
    """Names of the splits of what `spec` means; one or the other may turn out empty."""
    kind, root = find_dataset(spec)
    target = get_catalog().get("datasets", kind).resolve()
    if root is not None and hasattr(target, "splits_in"):
        return list(target.splits_in(root))
    split = inspect.signature(target).parameters.get("split")
    return list(typing.get_args(split and split.annotation) or ("train", "test"))


def _kind_of(path: Path) -> str:
    mark = path / MARK
    if mark.is_file():
        try:
            content = json.loads(read_regular_text(mark, 2**24))
            return str(content["dataset"])
        except (OSError, ValueError, KeyError, TypeError, RecursionError) as error:
            raise DataError(
                f"{mark} does not say what it is", got=repr(error), expected='JSON with "dataset": a registered name'
            ) from error
    if holds_shards(path):
        return "shards"
    return "released" if Released.splits_in(path) else "folder"
