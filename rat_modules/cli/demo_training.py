"""`rat-modules demo` without a model: the whole way in minutes on a CPU, from a recipe to pictures of captions."""

import time
from pathlib import Path
from typing import TYPE_CHECKING

import click

from rat_modules.cli.refusals import free_folder, refuse_existing, refuse_unwritable
from rat_modules.cli.table import table

if TYPE_CHECKING:
    from rat_modules.assembly import Assembly


def train(minutes: float, out: Path | None, recipe: str, seed: int) -> int | None:
    """Train a small system on shapes for some minutes, then draw and measure.

    Raises:
        RatError: the folder cannot be.
    """
    from rat_modules.assembly import load
    from rat_modules.data import open_dataset
    from rat_modules.evaluation.shapes_report import accuracy_rows, shapes_report, unrecognised
    from rat_modules.recipes import load_recipe
    from rat_modules.training.batches import Batches
    from rat_modules.training.captioned import Captioned
    from rat_modules.training.folder import RunFolder
    from rat_modules.training.start import begin
    from rat_modules.training.trainer import run

    out = out or free_folder(Path("out") / "demo")
    refuse_existing(out)
    refuse_unwritable(out)
    folder = RunFolder(out, keep=1)
    wanted = load_recipe(recipe)
    click.echo(f"recipe {wanted.name}: {wanted.summary}")
    state = begin(wanted, seed=seed, device="cpu")
    generator = state.assembly.generator
    size = wanted.data.training_size(generator.image_size)
    dataset = open_dataset("shapes", image_size=size, **wanted.data.options)
    captioned = Captioned(dataset, state.assembly.text_encoder)
    steps = wanted.training.steps
    click.echo(f"training on {len(dataset)} pictures of shapes: {minutes:g} minutes, {steps} steps at most")
    folder.begin(wanted, {"data": "shapes", "seed": seed, "fingerprint": captioned.fingerprint()})
    shape = {"noise_dim": generator.noise_dim, "image_size": generator.image_size}
    batches = Batches(captioned, wanted, **shape, seed=seed)
    click.echo(f"threads: {fit_threads(state.assembly)}")
    latest = time.monotonic() + 60 * minutes
    ended = run(state, batches, folder, checkpoint_every=steps, stop_when=lambda: time.monotonic() > latest)
    if ended.stopped_by is not None:
        click.echo(f"stopped at step {ended.step}: {folder.path}", err=True)
        return 128 + ended.stopped_by
    assembly = load(folder.path / "generator.safetensors")
    report = shapes_report(assembly, samples=250, seed=seed)
    click.echo(table(accuracy_rows(report)))
    for note in unrecognised(report):
        click.echo(note)
    click.echo(f"pictures:  {_draw(assembly, folder.path, seed)}")
    click.echo(f'more:      rat-modules sample {folder.path} --caption "a large red circle at the top"')
    click.echo(f"play:      rat-modules demo {folder.path}")
    return None


def fit_threads(assembly: "Assembly") -> int:
    """Let torch use one thread if that draws faster: where cores have other work too, threads wait for one another."""
    import copy

    import torch

    sentence, seconds = assembly.encode(["a circle"] * 8).cpu(), {}
    generator = copy.deepcopy(assembly.generator)  # norms keep statistics of what they see
    noise = torch.zeros(8, generator.noise_dim)
    for threads in (torch.get_num_threads(), 1):
        torch.set_num_threads(threads)
        times = []
        for _ in range(4):  # the first one warms up
            started = time.perf_counter()
            generator(noise, sentence).square().mean().backward()
            times.append(time.perf_counter() - started)
        seconds[threads] = min(times[1:])
    quicker = min(seconds, key=lambda threads: seconds[threads])
    torch.set_num_threads(quicker)
    return quicker


def _draw(assembly: "Assembly", folder: Path, seed: int) -> Path:
    from rat_modules.data.shapes import prompts
    from rat_modules.sampling.draw import draw_captions
    from rat_modules.sampling.grid import captioned_grid
    from rat_modules.sampling.pixels import write_png

    seen, held_out = prompts("test", 16, seed), prompts("heldout", 8, seed)
    captions = [caption for caption, _ in seen] + [f"{caption} (pair not seen)" for caption, _ in held_out]
    drawn = draw_captions(assembly, [caption for caption, _ in (*seen, *held_out)], seed=seed)
    path = folder / "demo.png"
    write_png(path, captioned_grid(drawn.pixels, captions, columns=8))
    return path
