"""A result with everything that decided it, as a JSON file, and which results may stand side by side."""

import hashlib
import json
from collections.abc import Mapping, Sequence
from functools import cache
from pathlib import Path
from typing import Any

import attrs

import rat_modules
from rat_modules import __version__
from rat_modules.assembly import Assembly
from rat_modules.atomic import atomic_write
from rat_modules.errors import RatError
from rat_modules.evaluation.extractors import Extractor, sha256_of
from rat_modules.evaluation.judging import Judgement
from rat_modules.evaluation.protocol import Protocol
from rat_modules.evaluation.stamp import stamp
from rat_modules.regular import read_regular_text

SUFFIX = "generator.safetensors"


@attrs.frozen
class Result:
    """What `rat-modules evaluate --protocol` writes.

    Args:
        protocol: everything that decides a number: two results compare only where this is equal.
        measures: metric -> its options; compared by metric.
        results: metric -> name -> number.
        model: what was measured.
        measured_with: versions and device, which may differ between results.
        warnings: what a reader of these numbers has to know.
    """

    protocol: dict[str, Any]
    measures: dict[str, dict[str, Any]]
    results: dict[str, dict[str, float]]
    model: dict[str, Any]
    measured_with: dict[str, str]
    warnings: tuple[str, ...] = ()

    def write(self, path: Path) -> None:
        """Write it as JSON, atomically."""
        with atomic_write(path) as temporary:
            temporary.write_text(self.as_json() + "\n", encoding="utf-8")

    def as_json(self) -> str:
        """All of it as text."""
        return json.dumps(attrs.asdict(self), indent=2)

    @classmethod
    def read(cls, path: Path) -> "Result":
        """Read it.

        Raises:
            RatError: the file is missing or none of these.
        """
        try:
            content = json.loads(read_regular_text(path, 2**24))
            found = {field.name: content[field.name] for field in attrs.fields(cls)}
            if not all(isinstance(found[name], dict) for name in found if name != "warnings"):
                raise TypeError("no tables")
            inner = (*found["results"].values(), *found["measures"].values())
            if not all(isinstance(numbers, dict) for numbers in inner):
                raise TypeError("no numbers by name")
            return cls(**found)
        except (OSError, ValueError, KeyError, TypeError, RecursionError) as error:
            got = error.strerror if isinstance(error, OSError) else repr(error)
            hint = "`rat-modules evaluate MODEL --data D --protocol P --out FILE` writes one"
            raise RatError(f"result {path}", got=got, hint=hint) from error


def stamped(
    judgement: Judgement,
    protocol: Protocol,
    *,
    data: str,
    options: Mapping[str, Any],
    edge: int,
    extractor: Extractor,
    matcher_sha256: str | None,
    measures: dict[str, dict[str, Any]],
    model: Path,
    assembly: Assembly,
    device: str,
) -> Result:
    """Put together what was measured and what decided it."""
    identity = {
        "name": protocol.name,
        "data": data,
        "split": protocol.split,
        "options": dict(options),
        "reference": judgement.reference,
        "captions": {"rule": "one of each picture in turn, drawn by the seed", **judgement.captions},
        "image size": edge,
        "seed": protocol.seed,
        "truncation": "none: standard normal noise",
        "features": {"name": extractor.name, "sha256": extractor.sha256, "resize": extractor.resize},
        "matcher": matcher_sha256,
        "repeats": [protocol.repeats, protocol.times],
    }
    file = model / SUFFIX if model.is_dir() else model
    about = {"path": str(model), "sha256": sha256_of(file), "recipe": assembly.recipe.name}
    measured_with = {**stamp(device), "rat_modules": __version__, "code": code_hash()}
    warnings = list(protocol.warnings)
    if protocol.pictures not in (None, judgement.reference["pictures"]):
        warnings.append(
            f"the published split has {protocol.pictures} pictures, this one {judgement.reference['pictures']}: "
            "numbers do not compare with published ones"
        )
    return Result(identity, measures, judgement.results, about, measured_with, tuple(warnings))


def compare(results: Mapping[str, Result]) -> list[dict[str, Any]]:
    """Lay results of one protocol side by side.

    Args:
        results: name -> result, two or more.

    Returns:
        A row for each number: "measure", then the number of each result, None where it was not measured.

    Raises:
        RatError: the protocols differ; it lists in what.
    """
    names = list(results)
    first = results[names[0]]
    for name in names[1:]:
        apart = differences(first.protocol, results[name].protocol)
        shared = first.measures.keys() & results[name].measures.keys()
        apart += differences({m: first.measures[m] for m in shared}, {m: results[name].measures[m] for m in shared})
        if apart:
            raise RatError(
                f"{names[0]} and {name} do not compare",
                got="; ".join(apart),
                expected="one protocol",
                hint="measure both alike",
            )
    keys = dict.fromkeys((m, key) for each in results.values() for m, found in each.results.items() for key in found)
    return [
        {"measure": f"{m}: {key}", **{name: each.results.get(m, {}).get(key) for name, each in results.items()}}
        for m, key in keys
    ]


def differences(first: Any, second: Any, at: str = "") -> list[str]:
    """Where two nested values differ, as "place: one | other".

    Example:
        >>> differences({"seed": 0, "features": {"sha256": "ab"}}, {"seed": 0, "features": {"sha256": "cd"}})
        ['features.sha256: ab | cd']
    """
    if isinstance(first, dict) and isinstance(second, dict):
        keys = dict.fromkeys((*first, *second))
        return [
            line
            for key in keys
            for line in differences(first.get(key), second.get(key), f"{at}.{key}" if at else str(key))
        ]
    return [] if first == second else [f"{at}: {_short(first)} | {_short(second)}"]


@cache
def code_hash() -> str:
    """A hash of the package's own source, which tells versions apart between releases."""
    digest = hashlib.sha256()
    root = Path(rat_modules.__file__).parent
    for path in sorted(root.rglob("*.py")):
        digest.update(path.relative_to(root).as_posix().encode() + b"\0" + path.read_bytes())
    return digest.hexdigest()[:16]


def _short(value: Any) -> str:
    text = str(value)
    return text if len(text) <= 40 else text[:16] + "..."


def told_apart(results: Sequence[Result]) -> list[str]:
    """A line for each of versions and devices in which results differ; they may differ, and a reader should know.

    Example:
        >>> result = Result({}, {}, {}, {}, {"torch": "2.13"})
        >>> told_apart([result, attrs.evolve(result, measured_with={"torch": "2.11"})])
        ['measured with different torch: 2.13, 2.11']
    """
    keys = dict.fromkeys(key for each in results for key in each.measured_with)
    found = {key: list(dict.fromkeys(str(each.measured_with.get(key)) for each in results)) for key in keys}
    return [f"measured with different {key}: {', '.join(values)}" for key, values in found.items() if len(values) > 1]
