"""`rat-modules train`: a recipe and captioned pictures make a run folder."""

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from rat_modules.cli.options import SEED
from rat_modules.cli.run_folder import processes_in, report, voice
from rat_modules.errors import DataError, TrainingError, printable
from rat_modules.registry import get_catalog

if TYPE_CHECKING:
    from rat_modules.recipes import Recipe
    from rat_modules.training.folder import RunFolder
    from rat_modules.training.processes import Processes
    from rat_modules.training.trainer import Outcome

EPILOG = """\b
Examples:
  rat-modules train --recipe ratgan-tiny --data shapes --out runs/first --steps 2000
  rat-modules train --out runs/first --resume --steps 4000
"""


@click.command(epilog=EPILOG)
@click.option("--recipe", help="Name of a recipe, or a .toml file.  [with --resume: the run's own]")
@click.option("--data", help="shapes, mini, another data set, or a folder.  [with --resume: the run's own]")
@click.option("--out", required=True, type=click.Path(path_type=Path), help="The run folder.")
@click.option("--steps", type=click.IntRange(min=1), help="Generator steps in all.  [default: the recipe's]")
@click.option("--batch", type=click.IntRange(min=2), help="Pictures per step.  [default: the recipe's]")
@click.option("--seed", type=SEED, help="Of weights, order and noise.  [default: 0]")
@click.option("--device", metavar="cpu|cuda|mps", help="Where to train.  [default: cuda where there is one]")
@click.option("--checkpoint-every", type=click.IntRange(min=1), default=1000, show_default=True, metavar="N")
@click.option("--keep", type=click.IntRange(min=1), default=3, show_default=True, help="Checkpoints that are kept.")
@click.option("--set", "overrides", multiple=True, metavar="PART.KEY=VALUE", help="Change one key (may be repeated).")
@click.option(
    "--text-encoder",
    type=click.Path(path_type=Path),
    help="Take the trained text encoder of this model, as `train-text` and `convert` write it.",
)
@click.option(
    "--from",
    "weights",
    type=click.Path(path_type=Path),
    help="Begin with the weights of this model; its recipe too, where none is given.",
)
@click.option("--workers", type=click.IntRange(min=0), default=2, show_default=True, help="Readers of large data sets.")
@click.option("--tensorboard", is_flag=True, help="Also write metrics and samples to --out/tensorboard.")
@click.option("--resume", is_flag=True, help="Go on from the newest checkpoint in --out.")
def command(out: Path, resume: bool, **options: Any) -> int | None:
    """Train a system on captioned pictures.

    --out becomes a run folder: recipe.toml, generator.safetensors (the average, for `sample`),
    discriminator.safetensors, checkpoints/, metrics.jsonl and samples/. Ctrl-C and SIGTERM write a checkpoint first.
    """
    from rat_modules.training.folder import RunFolder

    folder = RunFolder(out, keep=options["keep"])
    with processes_in(out, resume=resume) as processes:
        outcome = train(folder, processes, resume=resume, **options)
        return report("train", out, outcome) if processes.first else None


def train(
    folder: "RunFolder",
    processes: "Processes",
    *,
    recipe: "str | Recipe | None",
    data: str | None,
    seed: int | None,
    device: str | None,
    text_encoder: Path | None,
    weights: Path | None,
    checkpoint_every: int,
    workers: int,
    tensorboard: bool,
    resume: bool,
    **options: Any,
) -> "Outcome":
    """Prepare everything in the order in which it can be refused, then train."""
    from rat_modules.assembly import load
    from rat_modules.data import open_dataset
    from rat_modules.data.check_report import nothing_mismatched
    from rat_modules.sampling.device import choose_device
    from rat_modules.training.batches import Batches
    from rat_modules.training.capacity import refuse_too_large
    from rat_modules.training.start import begin, check_same, take_up
    from rat_modules.training.streamed import source_of
    from rat_modules.training.trainer import run

    say = voice(processes)
    before = folder.read_about() if resume else None
    if weights and not before and recipe is None:
        recipe = load(weights).recipe
    wanted = _wanted_recipe(folder, recipe, resume=resume, began=before is not None, **options)
    data = data or (before["data"] if before else None)
    if data is None:
        raise TrainingError("--data is missing", expected="shapes, mini, another data set, or a folder")
    seed = seed if seed is not None else before["seed"] if before else 0
    place = processes.device(choose_device(device))
    state = take_up(folder, wanted, device=place) if before else None
    if state is None:
        if resume:
            folder.check_nothing_to_lose(began=before is not None)
            say(f"nothing to resume in {folder.path}: starting", err=True)
        state = begin(wanted, seed=seed, device=place, text_encoder=text_encoder, weights=weights)
    generator, now = state.assembly.generator, state.assembly.recipe
    refuse_too_large(state.assembly, place, processes.count * now.training.accumulate)
    if state.step >= now.training.steps:
        raise TrainingError(f"{folder.path} is trained", got=f"{state.step} steps", expected="more, by --steps")
    size = now.data.training_size(generator.image_size)
    try:
        dataset = open_dataset(data, image_size=size, **now.data.options)
    except DataError as error:
        if size == generator.image_size:
            raise
        enlarged = f"{size} pixels are generator.image_size {generator.image_size} x data.oversize {now.data.oversize}"
        raise DataError(f"{error}; {enlarged}") from error
    if dataset.skipped:
        file, reason = dataset.skipped[0]
        say(printable(f"{len(dataset.skipped)} pictures skipped, the first is {file}: {reason}"), err=True)
    if withheld := getattr(dataset, "withheld", 0):
        say(
            f"{len(dataset)} of {len(dataset) + withheld} pictures; {withheld} kept for testing,"
            " by a hash of their names (those in a subfolder train/ are all trained on)",
            err=True,
        )
    if now.training.batch_size > len(dataset):
        say(f"a batch of {now.training.batch_size} has some of the {len(dataset)} pictures several times", err=True)
    captioned = source_of(dataset, state.assembly.text_encoder, place)
    if data not in get_catalog().names("datasets"):
        data = str(Path(data).resolve())  # a resumed run may start elsewhere
    about = {"data": data, "seed": seed, "fingerprint": captioned.fingerprint()}
    if before:
        check_same(before, about)
    batches = Batches(
        captioned,
        now,
        noise_dim=generator.noise_dim,
        image_size=generator.image_size,
        seed=seed,
        workers=workers,
        process=(processes.rank, processes.count),
    )
    if missing := nothing_mismatched(captioned.concept_count, captioned.different_captions):
        say(f"warning: {missing}; pictures will hardly follow their captions", err=True)
    sinks = []
    if processes.first:
        folder.begin(now, about)
        folder.cut_metrics(state.step)
        if tensorboard:
            from rat_modules.training.tensorboard import Board

            sinks.append(Board(folder.path / "tensorboard", folder.samples, step=state.step))
    processes.wait()
    return run(state, batches, folder, checkpoint_every=checkpoint_every, sinks=sinks, processes=processes)


def _wanted_recipe(
    folder: "RunFolder",
    recipe: "str | Recipe | None",
    *,
    resume: bool,
    began: bool,
    overrides: tuple[str, ...],
    **options: Any,
) -> "Recipe":
    from rat_modules.assembly.options import component_problems
    from rat_modules.recipes import load_recipe, parse_overrides

    if recipe is None and not began:
        got = f"no run in {folder.path}, so that nothing says which" if resume else None
        hint = "`rat-modules recipes` lists them"
        raise TrainingError("--recipe is missing", got=got, expected="a recipe", hint=hint)
    changes = parse_overrides(overrides)
    for key, option in (("training.steps", "steps"), ("training.batch_size", "batch")):
        if options[option] is not None:
            changes[key] = options[option]
    source = folder.path if recipe is None else recipe
    return load_recipe(source, changes, check_options=component_problems)
