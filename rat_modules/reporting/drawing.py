"""Curves, tables of shades and pictures as pieces of HTML that need nothing else."""

import base64
import html
import io
import math
from collections.abc import Mapping, Sequence

from PIL import Image

COLOURS = ("#d62728", "#1f77b4", "#2ca02c", "#ff7f0e", "#9467bd", "#17becf", "#8c564b", "#e377c2")
_WIDTH, _HEIGHT, _LEFT, _RIGHT, _TOP, _BOTTOM = 640, 240, 58, 8, 8, 24
Points = Sequence[tuple[float, float]]


def curves(lines: Mapping[str, Points], *, beyond: float = 99.0) -> str:
    """Lines over the same axis, with a legend, as SVG.

    Args:
        lines: name -> points (x, y).
        beyond: the y axis shows this percentile of all values; single larger ones leave the frame.

    Example:
        >>> curves({"loss": [(10, 1.0), (20, 0.5)]}).startswith("<figure><svg")
        True
    """
    shown = {name: points for name, points in lines.items() if points}
    if not shown:
        return "<p>No numbers yet.</p>"
    xs = [x for points in shown.values() for x, _ in points]
    ys = sorted(y for points in shown.values() for _, y in points)
    low, high = ys[math.floor((len(ys) - 1) * (100 - beyond) / 100)], ys[math.ceil((len(ys) - 1) * beyond / 100)]
    low, high = (low - 0.5, high + 0.5) if high - low < 1e-9 else (low, high)
    first, last = min(xs), max(max(xs), min(xs) + 1)

    def place(x: float, y: float) -> str:
        across = _LEFT + (x - first) / (last - first) * (_WIDTH - _LEFT - _RIGHT)
        down = _TOP + (high - y) / (high - low) * (_HEIGHT - _TOP - _BOTTOM)
        return f"{across:.1f},{down:.1f}"

    pieces = [f'<figure><svg viewBox="0 0 {_WIDTH} {_HEIGHT}" role="img">']
    frame = _WIDTH - _LEFT - _RIGHT, _HEIGHT - _TOP - _BOTTOM
    corner = f'x="{_LEFT}" y="{_TOP}" width="{frame[0]}" height="{frame[1]}"'
    pieces.append(f'<clipPath id="frame"><rect {corner}/></clipPath>')
    for part in (0, 0.25, 0.5, 0.75, 1):
        value, height = low + part * (high - low), _TOP + (1 - part) * frame[1]
        pieces.append(f'<line class="grid" x1="{_LEFT}" x2="{_WIDTH - _RIGHT}" y1="{height:.1f}" y2="{height:.1f}"/>')
        pieces.append(f'<text x="{_LEFT - 4}" y="{height + 4:.1f}" text-anchor="end">{value:.3g}</text>')
        anchor = "start" if part == 0 else "end" if part == 1 else "middle"
        across, step = _LEFT + part * frame[0], first + part * (last - first)
        pieces.append(f'<text x="{across:.1f}" y="{_HEIGHT - 6}" text-anchor="{anchor}">{step:.0f}</text>')
    for (name, points), colour in zip(shown.items(), _cycled(len(shown)), strict=True):
        if len(points) == 1:
            x, y = place(*points[0]).split(",")
            pieces.append(f'<circle cx="{x}" cy="{y}" r="3" fill="{colour}"/>')
        along, title = " ".join(place(x, y) for x, y in points), f"<title>{html.escape(name)}</title>"
        pieces.append(f'<polyline clip-path="url(#frame)" stroke="{colour}" points="{along}">{title}</polyline>')
    return "".join([*pieces, "</svg>", legend(list(shown)), "</figure>"])


def paths(lines: Mapping[str, Points]) -> str:
    """Ways through a plane, each from a large dot on, as SVG with equal axes."""
    xs, ys = zip(*(point for points in lines.values() for point in points), strict=True)
    size = 1.08 * max(max(xs) - min(xs), max(ys) - min(ys), 1e-9)
    middle = (max(xs) + min(xs)) / 2, (max(ys) + min(ys)) / 2

    def place(point: tuple[float, float]) -> tuple[float, float]:
        return 360 * (0.5 + (point[0] - middle[0]) / size), 360 * (0.5 - (point[1] - middle[1]) / size)

    pieces = ['<figure><svg class="plane" viewBox="0 0 360 360" role="img">']
    for points, colour in zip(lines.values(), _cycled(len(lines)), strict=True):
        placed = [place(point) for point in points]
        along = " ".join(f"{x:.1f},{y:.1f}" for x, y in placed)
        pieces.append(f'<polyline stroke="{colour}" points="{along}"/>')
        for number, (x, y) in enumerate(placed):
            pieces.append(f'<circle cx="{x:.1f}" cy="{y:.1f}" r="{2 if number else 5}" fill="{colour}"/>')
    return "".join([*pieces, "</svg>", legend(list(lines)), "</figure>"])


def legend(names: Sequence[str]) -> str:
    """Names in their colours."""
    pairs = zip(names, _cycled(len(names)), strict=True)
    items = (f'<span style="color:{colour}">&#9632;</span> {html.escape(name)}' for name, colour in pairs)
    return f"<figcaption>{' &ensp; '.join(items)}</figcaption>"


def shades(rows: Mapping[str, Sequence[float]], columns: Sequence[str]) -> str:
    """A table whose cells are the darker, the larger their number; a dash where there is none (NaN)."""
    largest = max((value for values in rows.values() for value in values if not math.isnan(value)), default=0) or 1
    head = "".join(f"<th>{html.escape(column)}</th>" for column in columns)
    lines = [f"<tr><th></th>{head}</tr>"]
    for name, values in rows.items():
        cells = "".join(
            "<td>&ndash;</td>"
            if math.isnan(value)
            else f'<td style="background:rgba(214,39,40,{value / largest:.2f})">{value:.3f}</td>'
            for value in values
        )
        lines.append(f"<tr><th>{html.escape(name)}</th>{cells}</tr>")
    return f"<table>{''.join(lines)}</table>"


def picture(image: Image.Image, caption: str = "") -> str:
    """A picture inside the page."""
    stream = io.BytesIO()
    image.save(stream, format="PNG", optimize=True)
    data = base64.b64encode(stream.getvalue()).decode("ascii")
    words = html.escape(caption)
    return f'<figure><img alt="{words}" src="data:image/png;base64,{data}"><figcaption>{words}</figcaption></figure>'


def _cycled(count: int) -> list[str]:
    return [COLOURS[number % len(COLOURS)] for number in range(count)]
