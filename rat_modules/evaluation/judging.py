"""Draw what a protocol asks for, look at it and at the reference, and let every metric read what was seen."""

import hashlib
from collections.abc import Mapping, Sequence
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
from rat_modules.evaluation.seen import NEEDS, Metric, Seen
from rat_modules.training.processes import Processes


@attrs.frozen
class Judgement:
    """What was measured, and what of the data decided it.

    Args:
        results: metric -> name -> number; empty in all processes but the first.
        reference: the number of its pictures, how they were made, and a hash of their bytes in their order.
        captions: the number of those that were asked for, and a hash of them in their order.
    """

    results: dict[str, dict[str, float]]
    reference: dict[str, Any]
    captions: dict[str, Any]


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
) -> Judgement:
    """Measure a system.

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
    said = [dataset.captions(index) for index in range(len(dataset))]
    asked = ask(dataset, protocol.samples, protocol.seed)
    again = [caption for caption in asked.captions[: protocol.repeats] for _ in range(protocol.times)]
    with Looking(processes, show=show) as looking:
        real = looking(
            "reference",
            [captions[0] for captions in said],
            shown(dataset),
            lambda images, captions: {**look(images, captions), "digest": digests(images)},
        )
        generated = looking("samples", asked.captions, drawn(assembly, asked.captions, protocol.seed), look)
        repeats = trained = None
        only_features = looks(extractor, {}, set(), None)
        if "repeats" in needs:
            repeats = looking("repeats", again, drawn(assembly, again, (protocol.seed + 1) % 2**63), only_features)
        if "training" in needs and training is not None:
            trained = looking("training", [""] * len(training), shown(training), only_features)
        pool = [(text, dataset.concept(index)) for index, captions in enumerate(said) for text in captions]
        seen = Seen(
            generated, real, asked.pictures, asked.concepts, pool, seed=protocol.seed,
            caption_vectors=partial(caption_vectors, matcher) if matcher is not None else None,
            repeats=repeats, times=protocol.times, training=trained,
        )  # fmt: skip
        results = {name: dict(metric(seen, name)) for name, metric in metrics.items()} if processes.first else {}
        bytes_of_all = hashlib.sha256()
        for rows in real["digest"].blocks(4096):
            bytes_of_all.update(rows.byte().numpy().tobytes())
    return Judgement(
        results,
        {
            "pictures": len(dataset),
            "preparation": getattr(dataset, "preparation", "as the data set makes them"),
            "sha256": bytes_of_all.hexdigest(),
        },
        {"count": len(asked.captions), "sha256": _hash_of(asked.captions)},
    )


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


def _needs(metrics: Mapping[str, Metric], matcher: Matching | None, training: CaptionedImages | None) -> set[str]:
    missing = {"matching": matcher is None, "training": training is None}
    for name, metric in metrics.items():
        for need in metric.needs:
            if need not in NEEDS:
                raise RatError(f"needs of metric {name}", got=repr(need), expected=f"some of {', '.join(NEEDS)}")
            if missing.get(need):
                raise RatError(f"measure {name}", got=f"no {need}", expected=NEEDS[need])
    return {need for metric in metrics.values() for need in metric.needs}


def _hash_of(captions: Sequence[str]) -> str:
    return hashlib.sha256("\n".join(captions).encode()).hexdigest()
