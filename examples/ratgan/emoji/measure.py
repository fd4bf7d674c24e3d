"""Measure models that runs kept, by two protocols: results/*.json, a table, a curve, and what the last one draws."""

import hashlib
import json
import subprocess
import sys
from collections.abc import Iterable
from pathlib import Path

import click

import rat_modules
from rat_modules.sampling.grid import captioned_grid
from rat_modules.sampling.pixels import to_pixels, write_png

PROTOCOLS = {"emoji": "concepts never trained on", "emoji-composition": "known concepts in tones held out"}
HERE = Path(__file__).parent
SHOWN = {
    "frechet: distance": "Frechet distance",
    "kernel-distance: mean": "kernel distance",
    "precision-recall: precision": "precision",
    "precision-recall: recall": "recall",
    "diversity: ratio": "diversity",
    "r-precision: generated": "R-precision",
    "r-precision: real": "of real pictures",
}


@click.command()
@click.argument("runs", nargs=-1, required=True, type=click.Path(path_type=Path))
@click.option("--matcher", required=True, type=click.Path(path_type=Path))
@click.option("--page", default=HERE, type=click.Path(path_type=Path), help="Where results/ and the pictures go.")
def main(runs: tuple[Path, ...], matcher: Path, page: Path) -> None:
    """Measure checkpoints of RUNS, each of which went on from the one before, where that was not done yet."""
    out = page / "results"
    models = kept(runs)
    for step, model in models.items():
        for protocol in PROTOCOLS:
            file = out / f"{protocol}-{step:06d}.json"
            if not is_of(file, model):
                words = ["evaluate", model, "--data", HERE / "shards", "--protocol", protocol]
                words += ["--matcher", matcher, "--out", file]
                subprocess.run([sys.executable, "-m", "rat_modules", *map(str, words)], check=True)
    read = {protocol: results(out, protocol, models) for protocol in PROTOCOLS}
    (out / "table.md").write_text("\n\n".join(table(read[name], title) for name, title in PROTOCOLS.items()) + "\n")
    curve(read, page / "curve.png")
    draw(models[max(models)], page / "drawn.png")


def is_of(file: Path, model: Path) -> bool:
    """Whether a result is of these weights: an older one of the same step may lie there."""
    weights = hashlib.sha256((model / "generator.safetensors").read_bytes()).hexdigest()
    return file.is_file() and json.loads(file.read_text(encoding="utf-8"))["model"]["sha256"] == weights


def kept(runs: tuple[Path, ...]) -> dict[int, Path]:
    """Steps since the first run began -> model; of each run about every 2,000th step, the first and the last."""
    models: dict[int, Path] = {}
    for run in runs:
        before = max(models, default=0)
        own = {int(path.name.removeprefix("step-")): path for path in run.glob("checkpoints/step-*")}
        if not own:
            raise click.UsageError(f"{run}: got no checkpoints, expected a run folder of `rat-modules train`")
        shown = {step for step in own if step % 2000 == 0} | {max(own)} | ({min(own)} if not before else set())
        models |= {before + step: own[step] for step in sorted(shown)}
    return models


def draw(model: Path, path: Path) -> None:
    """The captions of captions.txt, eight in a row."""
    captions = (HERE / "captions.txt").read_text(encoding="utf-8").split("\n")[:-1]
    system = rat_modules.load(model)
    pixels = to_pixels(system.sample(captions, seed=1), system.recipe.data.value_range)
    write_png(path, captioned_grid(pixels, captions, columns=8))


def results(folder: Path, protocol: str, steps: Iterable[int]) -> dict[int, dict[str, float]]:
    """Step -> "measure: name" -> number."""
    found = {}
    for step in steps:
        measured = json.loads((folder / f"{protocol}-{step:06d}.json").read_text(encoding="utf-8"))["results"]
        found[step] = {f"{measure}: {key}": value for measure, each in measured.items() for key, value in each.items()}
    return found


def table(read: dict[int, dict[str, float]], title: str) -> str:
    """A row for each step."""
    lines = [f"| {title}, step | {' | '.join(SHOWN.values())} |", "|---" * (len(SHOWN) + 1) + "|"]
    for step, numbers in read.items():
        lines.append(f"| {step:,} | " + " | ".join(f"{numbers[key]:.3g}" for key in SHOWN) + " |")
    return "\n".join(lines)


def curve(read: dict[str, dict[int, dict[str, float]]], path: Path) -> None:
    """R-precision and Frechet distance over the steps."""
    import matplotlib

    matplotlib.use("agg")
    from matplotlib import pyplot

    figure, axes = pyplot.subplots(1, 2, figsize=(9, 3.2), layout="constrained")
    for (name, title), colour in zip(PROTOCOLS.items(), ("tab:blue", "tab:orange"), strict=True):
        steps = list(read[name])
        for axis, key in zip(axes, ("r-precision: generated", "frechet: distance"), strict=True):
            axis.plot(steps, [numbers[key] for numbers in read[name].values()], "o-", color=colour, label=title)
        real = next(iter(read[name].values()))["r-precision: real"]
        axes[0].axhline(real, color=colour, linestyle=":", label="real pictures of them")
    axes[0].set(xlabel="step", ylabel="R-precision", ylim=(0, 1))
    axes[1].set(xlabel="step", ylabel="Frechet distance, own features", ylim=(0, None))
    axes[0].legend(fontsize=7)
    figure.savefig(path, dpi=110)


if __name__ == "__main__":
    main()
