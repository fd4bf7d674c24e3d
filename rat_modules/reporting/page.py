"""The page of a run: curves, notes, grids over time, and what its networks do, in one file that needs nothing else."""

import html
import json
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import torch

from rat_modules.assembly import Assembly, draw_noise
from rat_modules.data.pictures import read_picture
from rat_modules.errors import RatError
from rat_modules.models.generator import RATGenerator
from rat_modules.reporting.drawing import curves, paths, picture, shades
from rat_modules.reporting.insight import attended, frozen, painted, trajectory
from rat_modules.sampling.grid import captioned_grid
from rat_modules.sampling.pixels import to_pixels
from rat_modules.training.folder import read_metrics

GRIDS = 8  # of samples, evenly spaced in time
CURVES = {
    "Losses": ("real", "mismatched", "fake", "generator"),
    "Penalty": ("penalty", "penalty_share"),
    "Gates and attention": ("generator_gate", "discriminator_gate", "attention_entropy"),
    "Pictures a second": ("images_per_second",),
    "Share of the time that waits for pictures": ("wait_share",),
}
_STYLE = """
body { font: 15px/1.5 system-ui, sans-serif; max-width: 60rem; margin: 2rem auto; padding: 0 1rem; color: #222 }
figure { display: inline-block; margin: 0 1rem 1rem 0; vertical-align: top } figcaption { font-size: 13px; color: #555 }
svg { width: 40rem; max-width: 100% } svg.plane { width: 24rem } svg text { font-size: 11px; fill: #555 }
.samples figure { width: 18rem }
polyline { fill: none; stroke-width: 1.5 } .grid { stroke: #ddd } img { max-width: 100% }
table { border-collapse: collapse; margin-bottom: 1rem } td, th { padding: .2rem .6rem; font-weight: normal }
th { text-align: left; color: #555 } td { text-align: right }
"""


def read_rows(metrics: Path) -> list[dict[str, Any]]:
    """Rows of `metrics.jsonl`, without half a line at its end.

    Raises:
        RatError: there is no such file.
    """
    if not metrics.exists():
        raise RatError("run folder", got=f"no readable {metrics}", expected="a folder that `train` wrote")
    rows = []
    for line in read_metrics(metrics).splitlines():
        try:
            row = json.loads(line)
        except (ValueError, RecursionError):
            continue
        if isinstance(row, dict) and isinstance(step := row.get("step"), int) and 0 <= step < 2**63:
            rows.append({key: value for key, value in row.items() if _drawn(key, value)})
    return rows


def _drawn(key: str, value: Any) -> bool:
    """Whether an entry of a row is what `train` writes: finite numbers, and notes that are texts."""
    if key == "notes":
        return isinstance(value, list) and all(isinstance(note, str) for note in value)
    return isinstance(value, int | float) and abs(value) < 1e300


def page(
    rows: Sequence[dict[str, Any]],
    samples: Sequence[Path],
    assembly: Assembly | None,
    captions: Sequence[str],
    title: str,
) -> str:
    """The whole page as HTML.

    Args:
        rows: of metrics.
        samples: grids named `step-00000500.png`, in order of time.
        assembly: the trained system; None leaves out what it would show.
        captions: to draw and look into.
        title: of the page.
    """
    body = [f"<h1>{html.escape(title)}</h1>", *_summary(rows), *_notes(rows)]
    for name, keys in CURVES.items():
        lines = {key: [(row["step"], row[key]) for row in rows if row.get(key) is not None] for key in keys}
        if any(lines.values()):
            body += [f"<h2>{name}</h2>", curves(lines)]
    if samples:
        grids = (picture(read_picture(path), f"step {int(path.stem[5:]):,}") for path in evenly(samples, GRIDS))
        body.append(f'<h2>Samples over time</h2><div class="samples">{"".join(grids)}</div>')
    if assembly is not None:
        body += _networks(assembly, captions)
    head = f'<meta charset="utf-8"><title>{html.escape(title)}</title><style>{_STYLE}</style>'
    return f"<!doctype html><html lang=\"en\"><head>{head}</head><body>{''.join(body)}</body></html>\n"


def evenly(items: Sequence[Any], most: int) -> list[Any]:
    """At most so many of the items, evenly spaced, with the first and the last.

    Example:
        >>> evenly([1, 2, 3, 4, 5], 3)
        [1, 3, 5]
    """
    if len(items) <= most:
        return list(items)
    return [items[round(place * (len(items) - 1) / (most - 1))] for place in range(most)]


def _summary(rows: Sequence[dict[str, Any]]) -> Iterator[str]:
    if not rows:
        yield "<p>No iteration is done yet.</p>"
        return
    last = rows[-1]
    hours, minutes = divmod(round(last.get("seconds", 0) / 60), 60)
    left_out = sum(row.get("skipped") or 0 for row in rows)
    yield f"<p>{last['step']:,} steps in {hours} h {minutes} min; {left_out:g} steps left out.</p>"


def _notes(rows: Sequence[dict[str, Any]]) -> Iterator[str]:
    """Each note once, with the first and the last step at which it stood; numbers in it may have changed."""
    seen: dict[str, tuple[int, int, str]] = {}
    for row in rows:
        for note in row.get("notes", ()):
            kind = "".join(letter for letter in note if not letter.isdigit())
            first = seen[kind][0] if kind in seen else row["step"]
            seen[kind] = (first, row["step"], note)
    if seen:
        items = (f"<li>steps {first:,} to {last:,}: {html.escape(note)}</li>" for first, last, note in seen.values())
        yield f"<h2>Notes</h2><ul>{''.join(items)}</ul>"


def _networks(assembly: Assembly, captions: Sequence[str]) -> Iterator[str]:
    noise, sentence = draw_noise(len(captions), assembly.generator.noise_dim, 0), assembly.encode(captions)
    images = assembly.render(noise, sentence, to="cpu")
    white = assembly.recipe.data.value_range
    if assembly.discriminator is not None:
        with torch.no_grad():
            looked = attended(assembly, images, sentence.cpu())
        if looked is not None:
            pixels = (to_pixels(images, white) * (0.25 + 0.75 * looked)).round().to(torch.uint8)
            yield "<h2>Where the discriminator looks</h2><p>Generated pictures, dark where the attention is small.</p>"
            yield picture(captioned_grid(pixels, captions))
    generator = assembly.generator
    if not isinstance(generator, RATGenerator):
        yield f"<p>What follows is of RAT-GAN's generator alone; this one is a {type(generator).__name__}.</p>"
        return
    blocks = [f"block {number}" for number in range(len(generator.blocks))]
    yield "<h2>The recurrence, stopped after each block</h2>"
    yield "<p>From the named block on, all later ones hear its last hidden state: what comes in from left to right is "
    yield "what the newer states add.</p>"
    for place, caption in enumerate(captions[:4]):
        stopped = frozen(generator, noise[place : place + 1], sentence[place : place + 1].cpu())
        yield picture(captioned_grid(to_pixels(stopped, white), blocks), caption)
    yield "<h2>Which block paints which word</h2>"
    yield "<p>How far a pixel moves on average (white to black is 2) where that block hears the caption without the "
    yield "word. The recurrence carries a change on, so coarse blocks hold what finer ones make of it.</p>"
    for place, caption in enumerate(captions[:4]):
        words, change = painted(assembly, noise[place : place + 1], caption)
        pairs = enumerate(zip(words, change.tolist(), strict=True), 1)
        named = {f"{number}. {word}": row for number, (word, row) in pairs}
        yield shades(named, blocks)
    way = trajectory(generator, noise[:1].expand(len(captions), -1), sentence.cpu())
    yield "<h2>The way of the hidden state</h2>"
    yield f"<p>Through {generator.steps} steps from the large dot on, one noise, in the plane that holds "
    yield f"{100 * way.explained:.0f} % of the variance.</p>"
    yield paths(dict(zip(captions, way.points.tolist(), strict=True)))
