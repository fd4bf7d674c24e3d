"""Does a generator keep its contract: noise and sentence to pictures, a pure function?"""

import warnings
from collections.abc import Mapping

import torch
from torch import Tensor, nn

from rat_modules.testing.attributes import whole_number
from rat_modules.testing.compare import CLOSE, difference, must_agree
from rat_modules.testing.measured import check_slopes
from rat_modules.testing.module_properties import MODULE_PROPERTIES, check_module_type
from rat_modules.testing.report import ConformanceError, Report, run
from rat_modules.testing.subject import Subject

# the smallest change of a picture, relative to its largest number, that counts as one
NOTICEABLE = 1e-6


def check_generator(
    generator: nn.Module,
    *,
    batch: int = 3,
    compiled: bool = True,
    stir: bool = True,
    skip: Mapping[str, str] | None = None,
) -> Report:
    """Check a generator, called as generator(noise 'n z', sentence 'n s' or 'k n s') -> pictures 'n 3 h w' in [-1, 1].

    Copies of it are checked in evaluation mode, with noise added to their weights: published generators start with
    gates that let no text through.

    Args:
        generator: with .noise_dim, .cond_dim, .steps and .image_size; it is left as it is. A small one takes seconds.
        batch: how many pictures at once, two or more.
        compiled: whether it is compiled too, in one graph (by torch.compile's backend "aot_eager").
        stir: whether noise is added to the weights.
        skip: properties that need not hold, and why.

    Returns:
        A report of what holds.

    Raises:
        ConformanceError: a property does not hold.

    Example:
        >>> from rat_modules import RecurrentController
        >>> from rat_modules.models.generator import RATGenerator
        >>> small = RATGenerator(RecurrentController(6, noise_dim=5, hidden_dim=7), width=2, image_size=16)
        >>> check_generator(small, compiled=False).unchecked
        {'compiled in one graph': 'compiled=False was given'}
    """
    check_module_type(generator, "a generator")
    name = type(generator).__name__
    first = run(name, {"attributes": _attributes}, generator, {})
    like, source = next(generator.parameters(), torch.zeros(())), torch.Generator().manual_seed(0)
    widths = whole_number(generator, "noise_dim"), whole_number(generator, "cond_dim")
    inputs = tuple(torch.randn(batch, width, generator=source).to(like) for width in widths)
    subject = Subject(generator, inputs, (0, 0), sample="picture", stir=stir)
    skip = dict(skip or {}) | ({} if compiled else {"compiled in one graph": "compiled=False was given"})
    report = run(name, GENERATOR_PROPERTIES, subject, skip)
    return Report(name, (*first.checked, *report.checked), report.unchecked)


def _attributes(generator: nn.Module) -> None:
    for name in ("noise_dim", "cond_dim", "steps", "image_size"):
        whole_number(generator, name)


@torch.no_grad()
def _pictures(subject: Subject) -> None:
    size = whole_number(subject.module, "image_size")
    noise, sentence = subject.given()
    for scale in (1, 30):  # what is squashed stays in the range, whatever comes in
        images = subject.call(subject.fresh(), scale * noise, scale * sentence)
        expected = (subject.batch, 3, size, size)
        if not isinstance(images, Tensor) or tuple(images.shape) != expected:
            got = tuple(images.shape) if isinstance(images, Tensor) else type(images).__name__
            raise ConformanceError(f"it gives {got}, expected pictures 'n 3 h w' of {expected}")
        largest = float(images.abs().max())
        if not largest <= 1 + 1e-6:
            raise ConformanceError(f"pictures reach {largest:.4g}, expected numbers in [-1, 1]")


@torch.no_grad()
def _both_matter(subject: Subject) -> None:
    module, inputs = subject.fresh(), subject.given()
    whole = subject.call(module, *inputs)
    for place, name in enumerate(("noise", "sentence")):
        changed = list(inputs)
        changed[place] = -inputs[place]
        apart = difference(subject.call(module, *changed), whole)
        if apart < NOTICEABLE:
            raise ConformanceError(f"another {name} gives the same picture: relative difference {apart:.3g}")


@torch.no_grad()
def _sentence_per_step(subject: Subject) -> None:
    module, (noise, sentence), steps = subject.fresh(), subject.given(), whole_number(subject.module, "steps")
    whole = subject.call(module, noise, sentence)
    alike = sentence.expand(steps, -1, -1).clone()
    problem = "a sentence per step, 'k n s', all alike, gives another picture than 'n s'"
    must_agree(subject.call(module, noise, alike), whole, problem, CLOSE[torch.float64])
    for step in range(steps):
        other = alike.clone()
        other[step] *= -1
        apart = difference(subject.call(module, noise, other), whole)
        if apart < NOTICEABLE * 1e-3:  # one step of many is a small voice
            raise ConformanceError(
                f"the sentence of step {step + 1} of {steps} changes no picture: relative difference {apart:.3g}"
            )


def _first(subject: Subject) -> None:
    module, inputs = subject.fresh(), subject.given(follow=True)
    leaves = dict(zip(("the noise", "the sentence"), inputs, strict=True))
    leaves |= {repr(name): weight for name, weight in module.named_parameters() if weight.requires_grad}
    # a distance from what is brighter than white: every number of a picture weighs
    check_slopes(lambda: (subject.call(module, *inputs) - 1.5).square().mean(), leaves)


def _compiled(subject: Subject) -> None:
    module, inputs = subject.fresh(torch.float32), subject.given(torch.float32)
    torch.compiler.reset()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)  # of torch's own compiler
        compiled = torch.compile(module, backend="aot_eager", fullgraph=True)
        with torch.no_grad():
            images = compiled(*inputs)
    must_agree(images, subject.call(module, *inputs), "compiled it draws another picture", CLOSE[torch.float32])


GENERATOR_PROPERTIES = {
    "a deep copy is its own": MODULE_PROPERTIES["a deep copy is its own"],
    "pictures": _pictures,
    "no memory between calls": MODULE_PROPERTIES["no memory between calls"],
    "noise and sentence matter": _both_matter,
    **MODULE_PROPERTIES,
    "first derivative": _first,
    "a sentence per step": _sentence_per_step,
    "compiled in one graph": _compiled,
}
