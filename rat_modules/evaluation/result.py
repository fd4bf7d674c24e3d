"""A result with everything that decided it, as a JSON file, and which results may stand side by side."""

import hashlib
import json
import math
from collections.abc import Mapping, Sequence
from functools import cache
from pathlib import Path
from typing import Any

import attrs

import rat_modules
from rat_modules.assembly import Assembly
from rat_modules.atomic import atomic_write
from rat_modules.errors import RatError
from rat_modules.evaluation.extractors import Extractor, sha256_of
from rat_modules.evaluation.judging import Judgement
from rat_modules.evaluation.protocol import Protocol
from rat_modules.evaluation.seen import Metric
from rat_modules.evaluation.stamp import packages, stamp
from rat_modules.regular import read_regular_text

SUFFIX = "generator.safetensors"


@attrs.frozen
class Result:
    """What `rat-modules evaluate --protocol` writes.

    Args:
        protocol: everything that decides a number: two results compare only where this is equal.
        measures: metric -> its options and whatever else it alone depends on; compared by metric.
        results: metric -> name -> number.
        data: what the pictures were read from, and how; where the hash of the reference is the same, it may differ.
        model: what was measured.
        measured_with: versions and device, which may differ between results.
        warnings: what a reader of these numbers has to know.
    """

    protocol: dict[str, Any]
    measures: dict[str, dict[str, Any]]
    results: dict[str, dict[str, float]]
    data: dict[str, Any]
    model: dict[str, Any]
    measured_with: dict[str, str]
    warnings: tuple[str, ...] = ()

    def write(self, path: Path) -> None:
        """Write it as JSON, atomically."""
        with atomic_write(path) as temporary:
            temporary.write_text(self.as_json() + "\n", encoding="utf-8")

    def as_json(self) -> str:
        """All of it as text."""
        return json.dumps(attrs.asdict(self), indent=2, allow_nan=False)

    @classmethod
    def read(cls, path: Path) -> "Result":
        """Read it.

        Raises:
            RatError: the file is missing or none of these.
        """
        try:
            content = json.loads(read_regular_text(path, 2**24))
            if not isinstance(content, dict):
                raise TypeError("no table")
            found = {field.name: content[field.name] for field in attrs.fields(cls)}
            if not all(isinstance(found[name], dict) for name in found if name != "warnings"):
                raise TypeError("no tables")
            inner = (*found["results"].values(), *found["measures"].values())
            if not all(isinstance(numbers, dict) for numbers in inner):
                raise TypeError("no numbers by name")
            values = [value for numbers in found["results"].values() for value in numbers.values()]
            if not values or not all(type(value) in (int, float) and math.isfinite(value) for value in values):
                raise ValueError("no numbers, or some that are not finite")
            return cls(**found)
        except (OSError, ValueError, KeyError, TypeError, RecursionError, OverflowError) as error:
            told = {KeyError: f"no {error} in it", json.JSONDecodeError: f"no JSON: {error}"}
            got = error.strerror if isinstance(error, OSError) else told.get(type(error), str(error))
            hint = "`rat-modules evaluate MODEL --data D --protocol P --out FILE` writes one"
            raise RatError(f"result {path}", got=got, expected="what `evaluate` wrote", hint=hint) from error


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
    metrics: Mapping[str, Metric],
    model: Path,
    assembly: Assembly,
    device: str,
) -> Result:
    """Put together what was measured and what decided it."""
    identity = {
        "name": protocol.name,
        "split": protocol.split,
        "reference": judgement.reference,
        "captions": {"rule": "one of each picture in turn, drawn by the seed", **judgement.captions},
        "image size": edge,
        "seed": protocol.seed,
        "truncation": "none: standard normal noise",
        "features": {"name": extractor.name, "sha256": extractor.sha256, "resize": extractor.resize},
    }
    read: dict[str, dict[str, Any]] = {
        "matching": {"matcher": matcher_sha256},
        "repeats": judgement.repeats,
        "training": {"training": judgement.training},
    }
    measures = {
        name: {**options, **{k: v for need in metrics[name].needs for k, v in read.get(need, {}).items()}}
        for name, options in measures.items()
        if name in judgement.results
    }
    file = model / SUFFIX if model.is_dir() else model
    data_read = {"kind": data, "options": dict(options), "preparation": judgement.preparation}
    about = {"name": model.name, "sha256": sha256_of(file), "recipe": assembly.recipe.name}
    measured_with = {**stamp(device), "packages": packages(), "code": code_hash()}
    warnings = [*protocol.warnings, *judgement.problems]
    if changed := protocol.changed():
        what = f"changed of protocol {protocol.name}: {', '.join(changed)}"
        warnings.append(f"{what}; numbers that others published by it do not apply")
    if protocol.pictures not in (None, judgement.reference["pictures"]):
        warnings.append(
            f"the published split has {protocol.pictures} pictures, this one {judgement.reference['pictures']}: "
            "numbers do not compare with published ones"
        )
    return Result(identity, measures, judgement.results, data_read, about, measured_with, tuple(warnings))


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
        _refuse(names[0], name, differences(first.protocol, results[name].protocol))
    for measure in dict.fromkeys(m for each in results.values() for m in each.measures):
        (one, own), *others = ((n, each.measures[measure]) for n, each in results.items() if measure in each.measures)
        for other, theirs in others:
            _refuse(one, other, differences({measure: own}, {measure: theirs}))
    keys = dict.fromkeys((m, key) for each in results.values() for m, found in each.results.items() for key in found)
    return [
        {"measure": f"{m}: {key}", **{name: each.results.get(m, {}).get(key) for name, each in results.items()}}
        for m, key in keys
    ]


def _refuse(one: str, other: str, apart: list[str]) -> None:
    if apart:
        got, hint = "; ".join(apart), "measure both alike"
        raise RatError(f"{one} and {other} do not compare", got=got, expected="one protocol", hint=hint)


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
        >>> result = Result({}, {}, {}, {}, {}, {"torch": "2.13"})
        >>> told_apart([result, attrs.evolve(result, measured_with={"torch": "2.11"})])
        ['measured with different torch: 2.13, 2.11']
    """
    keys = dict.fromkeys(key for each in results for key in each.measured_with)
    found = {key: list(dict.fromkeys(str(each.measured_with.get(key)) for each in results)) for key in keys}
    return [f"measured with different {key}: {', '.join(values)}" for key, values in found.items() if len(values) > 1]
