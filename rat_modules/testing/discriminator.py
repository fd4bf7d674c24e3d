"""Does a discriminator keep its contract: logits and attention, and a penalty whose weight gradients are right?"""

from collections.abc import Mapping
from typing import Any

import torch
from torch import Tensor, nn

from rat_modules.testing.attention import check_map
from rat_modules.testing.attributes import whole_number
from rat_modules.testing.compare import CLOSE, difference, must_agree
from rat_modules.testing.derivatives import check_penalty
from rat_modules.testing.measured import check_slopes
from rat_modules.testing.module_properties import MODULE_PROPERTIES, check_module_type
from rat_modules.testing.report import ConformanceError, Report, run
from rat_modules.testing.subject import Subject


def check_discriminator(
    discriminator: nn.Module,
    *,
    batch: int = 3,
    stir: bool = True,
    skip: Mapping[str, str] | None = None,
) -> Report:
    """Check a discriminator, called as discriminator(images 'n 3 h w', sentence 'n s').

    Its answer has .logits 'n' and .attention, 'n 1 h w' or None; .head(.features(images), sentence) is the same.

    Args:
        discriminator: with .cond_dim and .image_size; it is left as it is. A small one takes seconds.
        batch: how many pictures at once, two or more.
        stir: whether noise is added to the weights of the copies that are checked.
        skip: properties that need not hold, and why.

    Returns:
        A report of what holds.

    Raises:
        ConformanceError: a property does not hold.

    Example:
        >>> from rat_modules.models.discriminator import RATDiscriminator
        >>> check_discriminator(RATDiscriminator(6, width=2, image_size=16)).unchecked
        {'attention': 'it has none'}
    """
    check_module_type(discriminator, "a discriminator")
    name = type(discriminator).__name__
    first = run(name, {"attributes": _attributes}, discriminator, {})
    like, source = next(discriminator.parameters(), torch.zeros(())), torch.Generator().manual_seed(0)
    size, width = whole_number(discriminator, "image_size"), whole_number(discriminator, "cond_dim")
    images = torch.rand(batch, 3, size, size, generator=source).mul(2).sub(1).to(like)
    sentence = torch.randn(batch, width, generator=source).to(like)
    subject = Subject(discriminator, (images, sentence), (0, 0), call=_scores, sample="logit", stir=stir)
    report = run(name, DISCRIMINATOR_PROPERTIES, subject, skip)
    return Report(name, (*first.checked, *report.checked), report.unchecked)


def _attributes(discriminator: nn.Module) -> None:
    for name in ("cond_dim", "image_size"):
        whole_number(discriminator, name)


def _scores(discriminator: Any, images: Tensor, sentence: Tensor) -> tuple[Tensor, Tensor | None]:
    scores = discriminator(images, sentence)
    for name in ("logits", "attention"):
        if not hasattr(scores, name):
            raise ConformanceError(f"its answer, a {type(scores).__name__}, has no .{name}")
    return scores.logits, scores.attention


@torch.no_grad()
def _logits(subject: Subject) -> None:
    logits, _ = subject.call(subject.fresh(), *subject.given())
    if tuple(logits.shape) != (subject.batch,):
        raise ConformanceError(f"logits have the shape {tuple(logits.shape)}, expected 'n', {(subject.batch,)}")
    if not logits.isfinite().all():
        raise ConformanceError("logits are not finite")


@torch.no_grad()
def _attention(subject: Subject) -> str | None:
    _, attention = subject.call(subject.fresh(), *subject.given())
    if attention is None:
        return "it has none"
    check_map(attention, subject.batch)
    return None


@torch.no_grad()
def _parts(subject: Subject) -> None:
    module: Any = subject.fresh()
    images, sentence = subject.given()
    whole = subject.call(module, images, sentence)
    features = module.features(images)
    scores = module.head(features, sentence)
    must_agree(
        (scores.logits, scores.attention), whole, "head(features(images), sentence) is not what forward gives", 1e-6
    )
    order = [*range(1, subject.batch), 0]
    other = module.head(features, sentence[order]).logits
    problem = "features judged with another sentence are not what forward gives for the two"
    must_agree(other, subject.call(module, images, sentence[order])[0], problem, CLOSE[torch.float64])


@torch.no_grad()
def _both_matter(subject: Subject) -> None:
    module, inputs = subject.fresh(), subject.given()
    logits, _ = subject.call(module, *inputs)
    for place, name in enumerate(("picture", "sentence")):
        changed = list(inputs)
        changed[place] = -inputs[place]
        apart = difference(subject.call(module, *changed)[0], logits)
        if apart < 1e-6:
            raise ConformanceError(f"another {name} gets the same logit: relative difference {apart:.3g}")


def _first(subject: Subject) -> None:
    module, inputs = subject.fresh(), subject.given(follow=True)
    leaves = dict(zip(("the picture", "the sentence"), inputs, strict=True)) | _weights(module)
    check_slopes(lambda: subject.call(module, *inputs)[0].square().sum(), leaves)


def _penalty(subject: Subject) -> None:
    module, inputs = subject.fresh(), subject.given(follow=True)
    check_penalty(lambda: subject.call(module, *inputs)[0].sum(), inputs, _weights(module), step=1e-6)


def _weights(module: nn.Module) -> dict[str, Tensor]:
    return {repr(name): weight for name, weight in module.named_parameters() if weight.requires_grad}


DISCRIMINATOR_PROPERTIES = {
    "a deep copy is its own": MODULE_PROPERTIES["a deep copy is its own"],
    "logits": _logits,
    "attention": _attention,
    "features and head are the whole": _parts,
    "picture and sentence matter": _both_matter,
    **MODULE_PROPERTIES,
    "first derivative": _first,
    "weight gradients of the penalty": _penalty,
}
