"""What decides a number: a protocol says all of it, and results of two protocols do not compare."""

from collections.abc import Mapping
from typing import Any

import attrs

from rat_modules.errors import UnknownNameError
from rat_modules.registry.nearest import did_you_mean

MEASURES = ("frechet", "kernel-distance", "precision-recall", "diversity")


@attrs.frozen
class Protocol:
    """How a system is measured. A field that is changed makes another protocol of it.

    Args:
        name: what it is called.
        summary: one line for listings.
        features: what sees the pictures: "inception", "inception:FILE", "shapes", or "matcher", the image encoder of
            `--matcher`.
        measures: registered metrics, each with its options behind its name.
        kinds: registered data sets that it is meant for; none means any.
        options: of the data set, over those of the recipe; shards were written with theirs.
        split: whose captions are asked for, and whose pictures are the reference.
        image_size: edge of generated and of reference pictures, in pixels; None takes the generator's.
        samples: pictures to draw, one for each caption; pictures of the reference take turns.
        pictures: of the reference, as published; None is not said.
        repeats: so many captions are drawn `times` times each, for the diversity.
        times: see repeats.
        seed: of captions and noise.
        warnings: what a reader of these numbers has to know.

    Example:
        >>> get_protocol("emoji").split
        'test'
    """

    name: str
    summary: str
    features: str
    measures: tuple[str, ...] = MEASURES
    kinds: tuple[str, ...] = ()
    options: Mapping[str, Any] = attrs.field(factory=dict)
    split: str = "test"
    image_size: int | None = None
    samples: int = 2000
    pictures: int | None = None
    repeats: int = 100
    times: int = 10
    seed: int = 0
    warnings: tuple[str, ...] = ()

    @property
    def names(self) -> list[str]:
        """The metrics, each once, without options."""
        return list(dict.fromkeys(measure.split(maxsplit=1)[0] for measure in self.measures))

    def changed(self) -> list[str]:
        """What was changed of the protocol of this name, further measures apart."""
        return _differing(self)


_PUBLISHED: dict[str, Any] = {
    "kinds": ("released", "shards", "folder"),
    "image_size": 256,
    "samples": 30_000,
    "measures": ("frechet", "inception-score", "kernel-distance", "precision-recall", "diversity"),
}
_EMOJI: dict[str, Any] = {
    "features": "matcher",
    "kinds": ("emoji", "shards"),
    "options": {"tones": "all"},
    "image_size": 64,
    "warnings": ("the features are those of --matcher: numbers of another matcher do not compare",),
}

PROTOCOLS = {
    protocol.name: protocol
    for protocol in (
        Protocol(
            "cub",
            "CUB test birds, 256 px, 30,000 samples, Inception of ImageNet (published for RAT-GAN: 10.21)",
            "inception",
            pictures=2933,
            warnings=("RAT-GAN's published 13.91 is of an Inception fine-tuned on CUB: protocol cub-finetuned",),
            **_PUBLISHED,
        ),
        Protocol(
            "cub-finetuned",
            "the same with an Inception fine-tuned on CUB: give it by --features inception:FILE",
            "inception:",
            pictures=2933,
            **_PUBLISHED,
        ),
        Protocol(
            "oxford-102",
            "Oxford-102 test flowers, 256 px, 30,000 samples, Inception of ImageNet",
            "inception",
            pictures=1155,
            warnings=(
                "the published models were trained on all 8,189 pictures, the test pictures among them: "
                "their numbers on this split measure memory too",
            ),
            **_PUBLISHED,
        ),
        Protocol(
            "coco",
            "COCO 2014 validation pictures, 256 px, 30,000 samples, Inception of ImageNet",
            "inception",
            **_PUBLISHED,
        ),
        Protocol(
            "emoji",
            "emoji of concepts that were never trained on, features of --matcher",
            measures=(*MEASURES, "memorisation", "r-precision"),
            **_EMOJI,
        ),
        Protocol(
            "emoji-composition",
            "emoji of known concepts in skin tones that were held out, features of --matcher",
            split="composition",
            measures=(*MEASURES, "memorisation", "r-precision"),
            samples=1224,
            **_EMOJI,
        ),
        Protocol(
            "shapes",
            "drawn shapes of pairs seen in training, own features",
            "shapes",
            kinds=("shapes",),
            options={"count": 2000, "seed": 1},
            measures=(*MEASURES, "memorisation"),
        ),
        Protocol(
            "shapes-composition",
            "drawn shapes of pairs never seen together, own features",
            "shapes",
            kinds=("shapes",),
            options={"count": 2000, "seed": 1},
            split="heldout",
        ),
        Protocol("own", "any captioned pictures, features of --features or --matcher", "matcher"),
    )
}


def _differing(protocol: Protocol) -> list[str]:
    named = PROTOCOLS.get(protocol.name, protocol)
    return [
        f"{field.name} {getattr(protocol, field.name)}"
        for field in attrs.fields(Protocol)
        if field.name != "measures" and getattr(protocol, field.name) != getattr(named, field.name)
    ]


def get_protocol(name: str) -> Protocol:
    """Return a protocol by its name.

    Raises:
        UnknownNameError: there is none.
    """
    if name not in PROTOCOLS:
        raise UnknownNameError(
            "protocol", got=repr(name), expected=f"one of {', '.join(PROTOCOLS)}", hint=did_you_mean(name, PROTOCOLS)
        )
    return PROTOCOLS[name]
