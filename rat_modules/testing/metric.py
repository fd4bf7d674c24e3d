"""Does a metric keep its contract: the same pictures give the same plain numbers, however they were cut in batches?"""

import math
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from typing import Any

import attrs
import torch
from torch import Tensor

from rat_modules.evaluation.seen import NEEDS, Seen, Side
from rat_modules.testing.report import ConformanceError, Report, run

COUNT, WIDTH, CLASSES, TIMES, EDGE = 1024, 6, 5, 4, 32
NAME = "checked"  # that the metric is registered by, to itself


@attrs.frozen
class _Case:
    metric: Any
    seen: Seen
    images: Tensor
    captions: list[str]


def check_metric(metric: Any, *, skip: Mapping[str, str] | None = None) -> Report:
    """Check a metric: what `evaluate` can measure.

    It is shown 1,024 made-up vectors a side, and 8 pictures of noise where it looks at pictures itself.

    Args:
        metric: as its class makes it.
        skip: properties that need not hold, and why.

    Returns:
        A report of what holds: what it needs is to be had, what it looks at becomes rows 'n d' that do not depend on
        the other pictures of a batch, and its answer is plain finite numbers, the same ones when asked again.

    Raises:
        ConformanceError: a property does not hold.

    Example:
        >>> from rat_modules.evaluation.measures import Frechet
        >>> check_metric(Frechet()).checked
        ('needs', 'its answer is plain numbers', 'asked again, it says the same', 'random numbers of others')
    """
    captions = [f"a caption of {number}" for number in range(COUNT)]
    images = torch.randint(0, 256, (8, 3, EDGE, EDGE), dtype=torch.uint8, generator=_source())
    with ExitStack() as stack:
        seen = stack.enter_context(_made_up(captions))
        if hasattr(metric, "look"):
            rows = _look(metric, images, captions[:8]).float()
            for side in (seen.generated, seen.real):
                side.append({NAME: rows.repeat(COUNT // 8, 1)})
        properties = {**PROPERTIES, **(LOOKS if hasattr(metric, "look") else {})}
        return run(type(metric).__name__, properties, _Case(metric, seen, images, captions[:8]), skip)


def _needs(case: _Case) -> None:
    needs = getattr(case.metric, "needs", None)
    if not isinstance(needs, tuple) or not set(needs) <= set(NEEDS):
        raise ConformanceError(f"needs is {needs!r}, expected a tuple of {', '.join(NEEDS)}")


def _plain(case: _Case) -> None:
    answer = _ask(case)
    if not answer or not all(isinstance(key, str) for key in answer):
        raise ConformanceError(f"it answers {answer!r}, expected names and numbers")
    for key, value in answer.items():
        if type(value) not in (int, float) or not math.isfinite(value):
            raise ConformanceError(f"{key!r} is {value!r}, expected a finite int or float, which JSON can hold")


def _again(case: _Case) -> None:
    first, second = _ask(case), _ask(case)
    if first != second:
        raise ConformanceError(f"asked twice, it answers {first} and {second}: draw from seen.seed")


def _others(case: _Case) -> None:
    state = torch.random.get_rng_state()
    _ask(case)
    if not torch.equal(state, torch.random.get_rng_state()):
        raise ConformanceError("it draws from torch's own generator, and so changes what others draw")


def _rows(case: _Case) -> None:
    images = case.images.clone()
    rows = _look(case.metric, images, case.captions)
    if not torch.equal(images, case.images):
        raise ConformanceError("it changes the pictures that it looks at")
    if not rows.float().isfinite().all():
        raise ConformanceError("what it gives for pictures of noise is not finite")
    parts = [_look(case.metric, images[k : k + 3], case.captions[k : k + 3]) for k in range(0, 8, 3)]
    if not torch.allclose(torch.cat(parts).float(), rows.float(), rtol=1e-3, atol=1e-3):
        raise ConformanceError("what it gives for a picture depends on the others that it is shown with")


def _look(metric: Any, images: Tensor, captions: list[str]) -> Tensor:
    rows = metric.look(images, captions)
    if not isinstance(rows, Tensor) or rows.ndim != 2 or len(rows) != len(images):
        got = f"{tuple(rows.shape)}" if isinstance(rows, Tensor) else type(rows).__name__
        raise ConformanceError(f"look gives {got} for {len(images)} pictures, expected a row 'd' for each")
    return rows.cpu()


def _ask(case: _Case) -> dict[str, Any]:
    answer = case.metric(case.seen, NAME)
    if not isinstance(answer, Mapping):
        raise ConformanceError(f"it answers a {type(answer).__name__}, expected names and numbers")
    return dict(answer)


PROPERTIES = {
    "needs": _needs,
    "its answer is plain numbers": _plain,
    "asked again, it says the same": _again,
    "random numbers of others": _others,
}
LOOKS = {"looking is a row for each picture": _rows}


def _source() -> torch.Generator:
    return torch.Generator().manual_seed(0)


@contextmanager
def _made_up(captions: list[str]) -> Iterator[Seen]:
    """Sides of vectors drawn at random: generated, real, repeated and training pictures."""
    source = _source()

    def draw(width: int) -> Tensor:
        return torch.randn(len(captions), width, generator=source)

    with ExitStack() as stack:
        sides = [stack.enter_context(Side(captions)) for _ in range(4)]
        for side in sides:
            side.append({"features": draw(WIDTH), "logits": draw(CLASSES), "matching": draw(WIDTH)})
        generated, real, repeats, training = sides
        yield Seen(
            generated, real, list(range(len(captions))), captions, [(text, text) for text in captions],
            caption_vectors=lambda texts: (torch.stack([_vector(text) for text in texts]), torch.ones(len(texts)) > 0),
            repeats=repeats, times=TIMES, training=training,
        )  # fmt: skip


def _vector(text: str) -> Tensor:
    return torch.randn(WIDTH, generator=torch.Generator().manual_seed(sum(text.encode())))
