"""Does a text encoder keep its contract: a caption is the same sentence always, and no caption breaks it?"""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import attrs
import torch
from torch import Tensor, nn

from rat_modules.errors import RatError
from rat_modules.testing.attributes import whole_number
from rat_modules.testing.compare import difference, must_agree, ordinal
from rat_modules.testing.module_properties import MODULE_PROPERTIES, check_module_type
from rat_modules.testing.report import ConformanceError, Report, run
from rat_modules.testing.subject import Subject

CAPTIONS = ("a red circle", "a small blue square at the left of a large green star", "a bird", "two yellow flowers")
STRANGE = {
    "an empty caption": "",
    "a blank caption": " \t ",
    "unknown words": "qzxvw brrblt",
    "signs alone": "?!... --",
    "other scripts": "красный круг 赤い丸 🔴",
    "a very long caption": "a red circle " * 700,
}


def check_text_encoder(
    encoder: nn.Module, *, captions: Sequence[str] = CAPTIONS, skip: Mapping[str, str] | None = None
) -> Report:
    """Check a text encoder: .cond_dim, and .encode(captions) -> 'n s'.

    Args:
        encoder: it is left in the mode in which it is.
        captions: two or more that it knows words of, of different lengths.
        skip: properties that need not hold, and why.

    Returns:
        A report of what holds.

    Raises:
        ConformanceError: a property does not hold.

    Example:
        >>> from rat_modules.text.damsm import DAMSMTextEncoder
        >>> encoder = DAMSMTextEncoder(["<end>", "a", "red", "bird"], cond_dim=8)
        >>> check_text_encoder(encoder, captions=["a bird", "a red bird"]).unchecked
        {}
    """
    check_module_type(encoder, "a text encoder")
    modes = [(module, module.training) for module in encoder.modules()]
    encoder.eval()
    try:
        return run(type(encoder).__name__, TEXT_ENCODER_PROPERTIES, EncoderCase(encoder, list(captions)), skip)
    finally:
        for module, training in modes:
            module.training = training


@attrs.frozen
class EncoderCase:
    """A text encoder in evaluation mode, and captions for it."""

    encoder: Any
    captions: list[str]

    def encode(self, captions: list[str]) -> Tensor:
        """Sentences of captions, which must be answered."""
        try:
            found: Tensor = self.encoder.encode(list(captions))
        except RatError as error:
            raise ConformanceError(f"it refuses {captions} ({error}): give captions= that it knows") from error
        return found


def _sentences(case: EncoderCase) -> None:
    width = whole_number(case.encoder, "cond_dim")
    found = case.encode(case.captions)
    expected = (len(case.captions), width)
    if not isinstance(found, Tensor) or tuple(found.shape) != expected or not found.is_floating_point():
        got = f"{tuple(found.shape)} of {found.dtype}" if isinstance(found, Tensor) else type(found).__name__
        raise ConformanceError(
            f"{expected[0]} captions give {got}, expected floating-point sentences 'n s', {expected}"
        )
    if not found.isfinite().all():
        raise ConformanceError("sentences are not finite")


def _deterministic(case: EncoderCase) -> None:
    again = "the same captions give other sentences the next time, in evaluation mode"
    must_agree(case.encode(case.captions), case.encode(case.captions), again, 1e-6)


def _no_company(case: EncoderCase) -> None:
    whole = case.encode(case.captions)
    for index, caption in enumerate(case.captions):
        problem = f"the sentence of the {ordinal(index)} caption, {caption!r}, depends on its company"
        must_agree(case.encode([caption]), whole[index : index + 1], problem, 1e-4)
    turned = case.encode(case.captions[::-1]).flip(0)
    must_agree(turned, whole, "a caption's sentence depends on its place among others", 1e-4)


def _captions_matter(case: EncoderCase) -> None:
    whole = case.encode(case.captions)
    if max(difference(row, whole[0]) for row in whole[1:]) < 1e-6:
        raise ConformanceError(f"all of {case.captions} give one and the same sentence")


def _strange_captions(case: EncoderCase) -> None:
    for name, caption in STRANGE.items():
        try:
            found = case.encoder.encode([case.captions[0], caption])
        except RatError:
            continue  # a refusal in words
        except Exception as error:
            raise ConformanceError(
                f"{name} raises {type(error).__name__}: {error}; expected a sentence, or a RatError that says why not"
            ) from error
        if tuple(found.shape) != (2, case.encoder.cond_dim) or not found.isfinite().all():
            raise ConformanceError(f"{name} gives {tuple(found.shape)}, finite: {bool(found.isfinite().all())}")


def _captions_kept(case: EncoderCase) -> None:
    given = list(case.captions)
    case.encoder.encode(given)
    if given != case.captions:
        raise ConformanceError(f"the caller's list of captions is changed: {case.captions} became {given}")


def _no_gradient(case: EncoderCase) -> None:
    followed = case.encode(case.captions)
    if followed.requires_grad:
        raise ConformanceError("sentences require a gradient: each would hold on to the graph that made it")
    with torch.no_grad():
        must_agree(case.encode(case.captions), followed, "under torch.no_grad() the sentences are others", 1e-6)


def _device(case: EncoderCase) -> None:
    own = {tensor.device for tensor in (*case.encoder.parameters(), *case.encoder.buffers())} | {torch.device("cpu")}
    found = case.encode(case.captions).device
    if found not in own:
        raise ConformanceError(f"sentences are on {found}, expected {' or '.join(map(str, own))}")


def _weights(name: str) -> Callable[[EncoderCase], str | None]:
    def holds(case: EncoderCase) -> str | None:
        batch = torch.arange(len(case.captions))

        def call(encoder: Any, places: Tensor) -> Tensor:
            found: Tensor = encoder.encode([case.captions[place] for place in places.tolist()])
            return found

        return MODULE_PROPERTIES[name](Subject(case.encoder, (batch,), (0,), call=call, sample="sentence"))

    return holds


TEXT_ENCODER_PROPERTIES = {
    "device": _device,
    "sentences": _sentences,
    "captions are left as they were": _captions_kept,
    "deterministic": _deterministic,
    "no company": _no_company,
    "captions matter": _captions_matter,
    "strange captions": _strange_captions,
    "no gradient": _no_gradient,
    **{name: _weights(name) for name in MODULE_PROPERTIES if "copy" in name or "file" in name or "random" in name},
}
