"""Draw what a protocol asks for, look at it and at the reference, and let every metric read what was seen."""

import hashlib
import math
from collections.abc import Iterable, Mapping, Sequence
from functools import partial
from typing import Any

import attrs
from torch import Tensor

from rat_modules.assembly import Assembly
from rat_modules.data import CaptionedImages
from rat_modules.errors import RatError
from rat_modules.evaluation.asked import ask
from rat_modules.evaluation.extractors import Extractor
from rat_modules.evaluation.looking import Look, Looking, digests, drawn, shown
from rat_modules.evaluation.matching import Matching, caption_vectors
from rat_modules.evaluation.protocol import Protocol
from rat_modules.evaluation.seen import NEEDS, Metric, Seen, Side
from rat_modules.training.processes import Processes


@attrs.frozen
class Judgement:
    """What was measured, and what of the data decided it.

    Args:
        results: metric -> name -> number.
        problems: a line for each metric that could not be measured, and for pictures that are too few.
        reference: the number of its pictures, and a hash of their bytes in their order.
        preparation: how they were made, in words.
        captions: the number of those that were asked for, a hash of them in their order, and one of all that is said of
            the reference and of what it shows.
        training: the same as the reference of the training pictures, where they were looked at.
        repeats: how many captions are drawn several times, and how often.
    """

    results: dict[str, dict[str, float]]
    problems: list[str]
    reference: dict[str, Any]
    preparation: str
    captions: dict[str, Any]
    training: dict[str, Any] | None
    repeats: dict[str, Any]


def judge(
    assembly: Assembly,
    dataset: CaptionedImages,
    protocol: Protocol,
    extractor: Extractor,
    metrics: Mapping[str, Metric],
    *,
    matcher: Matching | None = None,
    training: CaptionedImages | None = None,
    processes: Processes | None = None,
    show: bool = False,
) -> Judgement | None:
    """Measure a system; the first process gets the result, the others None.

    Memory does not grow with the number of pictures but for captions and noise, about a kilobyte a picture: vectors
    lie in temporary files. The numbers do not depend on the number of processes.

    Args:
        assembly: with generator and text encoder.
        dataset: the reference, as the protocol says.
        protocol: samples, repeats and seed are read here.
        extractor: what sees the pictures as features.
        metrics: name -> what is measured.
        matcher: for metrics that need a matching model.
        training: the pictures that the model was trained on, for metrics that need them.
        processes: who shares the work; alone where None.
        show: draw a bar on stderr.

    Raises:
        RatError: a metric needs what is not there, or a caption cannot be read.
    """
    processes = processes or Processes()
    needs = _needs(metrics, matcher, training)
    look = looks(extractor, metrics, needs, matcher)
    hashed = lambda see: lambda images, captions: {**see(images, captions), "digest": digests(images)}  # noqa: E731
    said = [dataset.captions(index) for index in range(len(dataset))]
    asked = ask(dataset, protocol.samples, protocol.seed)
    # each caption once: two groups of one caption would count as pictures of different ones
    repeated = list(dict.fromkeys(asked.captions))[: protocol.repeats]
    again = [caption for caption in repeated for _ in range(protocol.times)]
    with Looking(processes, show=show) as looking:
        real = looking(
            "reference",
            [captions[0] for captions in said],
            shown(dataset),
            hashed(look),
        )
        generated = looking("samples", asked.captions, drawn(assembly, asked.captions, protocol.seed), look)
        repeats = trained = None
        only_features = looks(extractor, {}, set(), None)
        if "repeats" in needs:
            repeats = looking("repeats", again, drawn(assembly, again, (protocol.seed + 1) % 2**63), only_features)
        if "training" in needs and training is not None:
            trained = looking("training", [""] * len(training), shown(training), hashed(only_features))
        if not processes.first:
            return None
        pool = [(text, dataset.concept(index)) for index, captions in enumerate(said) for text in captions]
        seen = Seen(
            generated, real, asked.pictures, asked.concepts, pool, seed=protocol.seed,
            caption_vectors=partial(caption_vectors, matcher) if matcher is not None else None,
            repeats=repeats, times=protocol.times, training=trained,
        )  # fmt: skip
        results, problems = {}, _few(generated, real) if "frechet" in metrics else []
        for name, metric in metrics.items():
            try:
                results[name] = plain(name, metric(seen, name))
            except RatError as error:  # what others measured is not lost
                problems.append(f"measure {name} was left out: {error}")
        return Judgement(
            results,
            problems,
            fingerprint(real),
            getattr(dataset, "preparation", "as the data set makes them"),
            {"count": len(asked.captions), "sha256": _hash_of(asked.captions), "pool": _hash_of(map(str, pool))},
            None if trained is None else fingerprint(trained),
            {"captions": len(repeated), "times": protocol.times, "each": "once, however often it was asked for"},
        )


def plain(name: str, numbers: Mapping[str, float]) -> dict[str, float]:
    """What a metric measured, as numbers that JSON can hold.

    Raises:
        RatError: a number is not finite, or none.
    """
    try:
        found = {str(key): float(value) for key, value in numbers.items()}
    except (TypeError, ValueError, AttributeError) as error:
        raise RatError(f"what {name} measured", got=error, expected="numbers by name") from error
    if wrong := [key for key, value in found.items() if not math.isfinite(value)]:
        raise RatError(f"what {name} measured", got=f"{found[wrong[0]]} for {wrong[0]!r}", expected="finite numbers")
    return found


def fingerprint(side: Side) -> dict[str, Any]:
    """The number of pictures, and a hash of the bytes of all in their order."""
    bytes_of_all = hashlib.sha256()
    for rows in side["digest"].blocks(4096):
        bytes_of_all.update(rows.byte().numpy().tobytes())
    return {"pictures": len(side.captions), "sha256": bytes_of_all.hexdigest()}


def looks(extractor: Extractor, metrics: Mapping[str, Metric], needs: set[str], matcher: Matching | None) -> Look:
    """All that looks at a picture, as one: features, logits, the matching model's vectors, and metrics' own looks."""
    own = {name: metric.look for name, metric in metrics.items() if hasattr(metric, "look")}

    def look(images: Tensor, captions: Sequence[str]) -> dict[str, Tensor]:
        extracted = extractor(images)
        vectors = {"features": extracted.features}
        if "logits" in needs:
            if extracted.logits is None:
                got = f"{extractor.name}, which knows no classes"
                raise RatError("features for a measure of classes", got=got, expected="inception or inception:FILE")
            vectors["logits"] = extracted.logits
        if "matching" in needs and matcher is not None:
            vectors["matching"] = matcher.pictures(images)
        return vectors | {name: see(images, captions) for name, see in own.items()}

    return look


def _few(*sides: Side) -> list[str]:
    """Fewer pictures than features have no covariance of full rank: the distance grows as they become fewer."""
    there, width = min(len(side.captions) for side in sides), sides[0]["features"].width
    if there > width:
        return []
    return [
        f"{there} pictures are few for {width} features: their Frechet distance grows as they become fewer, and "
        "compares with one of as many pictures alone"
    ]


def _needs(metrics: Mapping[str, Metric], matcher: Matching | None, training: CaptionedImages | None) -> set[str]:
    missing = {"matching": matcher is None, "training": training is None}
    for name, metric in metrics.items():
        if name in (*NEEDS, "digest"):
            raise RatError("name of a metric", got=repr(name), expected="another: vectors of pictures are called so")
        for need in metric.needs:
            if need not in NEEDS:
                raise RatError(f"needs of metric {name}", got=repr(need), expected=f"some of {', '.join(NEEDS)}")
            if missing.get(need):
                raise RatError(f"measure {name}", got=f"no {need}", expected=NEEDS[need])
    return {need for metric in metrics.values() for need in metric.needs}


def _hash_of(texts: Iterable[str]) -> str:
    digest = hashlib.sha256()
    for text in texts:
        digest.update(text.encode() + b"\n")
    return digest.hexdigest()
