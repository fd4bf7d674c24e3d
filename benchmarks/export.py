"""Export the emoji example in every format, and write what was measured into docs/export.md.

python benchmarks/export.py [--runtime FOLDER]      # a folder with onnxruntime-web's tarball adds the web page
"""

import argparse
import copy
import importlib.metadata
import os
import platform
import tempfile
from pathlib import Path

import torch

from rat_modules.assembly import Assembly, draw_noise, load
from rat_modules.data import open_dataset
from rat_modules.errors import RatError
from rat_modules.exporting.file import COUNTS, Exported, export_file
from rat_modules.exporting.formats import FORMATS
from rat_modules.exporting.latency import latency
from rat_modules.exporting.subject import subject
from rat_modules.exporting.web.folder import export_page

ROOT = Path(__file__).parents[1]
MODEL = ROOT / "examples" / "ratgan" / "emoji"
PAGE = ROOT / "docs" / "export.md"
PICTURES = 256
BEGIN, END = "<!-- measured by benchmarks/export.py -->\n", "<!-- end -->\n"


def row(name: str, precision: str, made: Exported, eager: dict[int, float]) -> str:
    """One line of the table; latencies also against the eager generator of the same run."""
    times = (f"{1000 * made.seconds[count]:.1f} ({eager[count] / made.seconds[count]:.1f}x)" for count in COUNTS)
    off = (f"{made.difference.exported:.1e}", f"{made.difference.rounded:.1e}" if made.difference.rounded else "0")
    return f"| {name} | {precision} | {made.size / 1e6:.2f} | {' | '.join((*off, *times))} |"


def rounding(assembly: Assembly) -> str:
    """How far float16 moves pictures of many captions: in the weights alone, and throughout."""
    data = open_dataset(MODEL / "shards")
    captions = [data.captions(i)[0] for i in range(0, len(data), len(data) // PICTURES)][:PICTURES]
    asked = subject(assembly, "float16")
    with torch.no_grad():
        inputs = draw_noise(PICTURES, asked.generator.noise_dim, 0), assembly.encode(captions)
        plain = asked.generator(*inputs)
        weights = (asked.module(*inputs) - plain).abs()
        throughout = (copy.deepcopy(asked.generator).half()(*(each.half() for each in inputs)) - plain).abs()
    return (
        f"Over {PICTURES} pictures, one of each of {PICTURES} captions of the training set, weights in float16 move "
        f"numbers in [-1, 1] by {weights.mean():.1e} on average and {weights.max():.1e} at most, computing in float16 "
        f"throughout by {throughout.mean():.1e} and {throughout.max():.1e}."
    )


def measured(runtime: Path | None) -> str:
    """The table, and what it was measured with."""
    load_before = os.getloadavg()[0]
    assembly = load(MODEL)
    plain = subject(assembly)
    eager = {count: latency(plain, plain.generator, count, calls=15) for count in COUNTS}
    weights = sum(each.nbytes for each in plain.generator.state_dict().values())
    lines = [
        "| format | weights | MB | difference | by rounding | ms, 1 picture | ms, 16 pictures |",
        "|---|---|--:|--:|--:|--:|--:|",
        f"| eager | float32 | {weights / 1e6:.2f} | | | "
        + " | ".join(f"{1000 * s:.1f}" for s in eager.values())
        + " |",
    ]
    with tempfile.TemporaryDirectory() as scratch:
        for name, form in FORMATS.items():
            for precision in ("float32", "float16"):
                try:
                    made = export_file(
                        subject(assembly, precision), name, Path(scratch, f"{name}-{precision}{form.SUFFIX}")
                    )
                except RatError as error:  # no compiler, say
                    lines.append(f"| {name} | {precision} | not here: {error} | | | | |")
                    continue
                lines.append(row(name, precision, made, eager))
        if runtime is not None:
            made = export_page(assembly, plain, Path(scratch, "site"), runtime=runtime)
            lines.append(f"| web, the whole folder | float32 | {made.size / 1e6:.2f} | | | | |")
    versions = ", ".join(f"{name} {importlib.metadata.version(name)}" for name in ("torch", "onnx", "onnxruntime"))
    threads = torch.get_num_threads()
    device = f"{platform.system()} {platform.machine()}, {torch.backends.cpu.get_cpu_capability()}"
    device += f", {os.cpu_count()} cores, load {load_before:.1f} before"
    return "\n".join(
        [
            *lines,
            "",
            rounding(assembly),
            "",
            f"Measured on one CPU ({device}) with {threads} thread(s); {versions}.",
            "",
        ]
    )


def main() -> None:
    """Replace the measured part of the page."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--runtime", type=Path, help="folder with onnxruntime-web's tarball")
    table = measured(parser.parse_args().runtime)
    before, _, rest = PAGE.read_text(encoding="utf-8").partition(BEGIN)
    PAGE.write_text(before + BEGIN + table + END + rest.partition(END)[2], encoding="utf-8")
    print(table)


if __name__ == "__main__":
    main()
