"""`rat-modules train-text`: captioned pictures make a text encoder, and a model that matches pictures with captions."""

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from rat_modules.cli.options import SEED, Finite
from rat_modules.cli.run_folder import processes_in, report, voice
from rat_modules.errors import DataError, TrainingError
from rat_modules.registry import get_catalog

if TYPE_CHECKING:
    from rat_modules.matching.settings import MatchingSettings
    from rat_modules.training.processes import Processes
    from rat_modules.training.trainer import Outcome

EPILOG = """\b
Examples:
  rat-modules train-text --data mini --out runs/text --steps 500
  rat-modules train-text --data data/emoji --option tones=all --encoder wordllama --out runs/emoji-text
"""
_OWN = "  [with --resume: the run's own]"


@click.command(epilog=EPILOG)
@click.option("--data", help="shapes, mini, another data set, or a folder." + _OWN)
@click.option("--out", required=True, type=click.Path(path_type=Path), help="The run folder.")
@click.option("--encoder", metavar="NAME", help="damsm, or a pretrained one to project.  [default: damsm]")
@click.option("--loss", metavar="damsm|contrastive", help="damsm trains single words too.  [default: contrastive]")
@click.option("--vocabulary", metavar="words|subwords", help="Of an encoder that has its own.  [default: words]")
@click.option("--steps", type=click.IntRange(min=1), help="Steps in all.  [default: 2000]")
@click.option("--batch", "batch_size", type=click.IntRange(min=2), help="Pairs per step.  [default: 64]")
@click.option("--size", "image_size", type=click.IntRange(min=8), help="Edge of the pictures.  [default: 32]")
@click.option("--width", type=click.IntRange(min=1), help="Channels of the image encoder.  [default: 24]")
@click.option("--learning-rate", type=Finite(min=0, min_open=True), help="Of Adam.  [default: 0.001]")
@click.option("--lr-schedule", metavar="constant|linear|cosine", help="To zero at the last step.  [default: constant]")
@click.option("--warmup-steps", type=click.IntRange(min=0), help="Steps in which the rate rises.  [default: 0]")
@click.option("--option", "data_options", multiple=True, metavar="KEY=VALUE", help="Of the data set (may be repeated).")
@click.option("--seed", type=SEED, help="Of weights and order.  [default: 0]")
@click.option("--device", metavar="cpu|cuda|mps", help="Where to train.  [default: cuda where there is one]")
@click.option("--checkpoint-every", type=click.IntRange(min=1), default=500, show_default=True, metavar="N")
@click.option("--keep", type=click.IntRange(min=1), default=3, show_default=True, help="Checkpoints that are kept.")
@click.option("--resume", is_flag=True, help="Go on from the newest checkpoint in --out.")
def command(out: Path, resume: bool, **options: Any) -> int | None:
    """Train a text encoder and an image encoder to match captioned pictures.

    --out becomes a run folder: text_encoder.safetensors, which `train --text-encoder` takes, matcher.safetensors (both
    encoders, for R-precision), recipe.toml, checkpoints/ and metrics.jsonl. A pretrained encoder (wordllama, minilm)
    stays as it is, reads every caption once, and a linear map behind it is trained: its sentences, projected, are what
    the run's text encoder gives. Ctrl-C and SIGTERM write a checkpoint first.
    """
    with processes_in(out, resume=resume) as processes:
        outcome = train(out, processes, resume=resume, **options)
        return report("train-text", out, outcome) if processes.first else None


def train(
    out: Path,
    processes: "Processes",
    *,
    data: str | None,
    seed: int | None,
    device: str | None,
    checkpoint_every: int,
    keep: int,
    resume: bool,
    **options: Any,
) -> "Outcome":
    """Prepare everything in the order in which it can be refused, then train."""
    from rat_modules.data import open_dataset
    from rat_modules.data.check_report import nothing_mismatched
    from rat_modules.matching.pairs import Pairs, own_part
    from rat_modules.matching.settings import MatchingSettings
    from rat_modules.matching.start import begin, check_steps, recipe_of, refuse_too_large, take_up
    from rat_modules.matching.state import PUBLISHED
    from rat_modules.matching.trainer import run
    from rat_modules.sampling.device import choose_device
    from rat_modules.training.captioned import CaptionedPictures
    from rat_modules.training.folder import RunFolder
    from rat_modules.training.start import check_same

    say = voice(processes)
    folder = RunFolder(out, keep=keep, published=PUBLISHED)
    before = folder.read_about() if resume else None
    own = MatchingSettings.from_plain(before.get("settings")) if before else None
    settings = _settings(own, **options)
    recipe_of(settings)  # an encoder that nobody knows is refused before the data are read
    own_part(settings.batch_size, processes)
    data = data or (before["data"] if before else None)
    if data is None:
        raise TrainingError("--data is missing", expected="shapes, mini, another data set, or a folder")
    seed = seed if seed is not None else before["seed"] if before else 0
    place = processes.device(choose_device(device))
    state = take_up(folder, settings, device=place) if before else None
    if state is not None:
        check_steps(state, out)
    elif resume:
        folder.check_nothing_to_lose(began=before is not None)
        say(f"nothing to resume in {out}: starting", err=True)
    dataset = open_dataset(data, image_size=settings.image_size, **settings.data_options)
    if dataset.skipped:
        file, reason = dataset.skipped[0]
        say(f"{len(dataset.skipped)} pictures skipped, the first is {file}: {reason}", err=True)
    captioned = CaptionedPictures(dataset, place)
    if data not in get_catalog().names("datasets"):
        data = str(Path(data).resolve())  # a resumed run may start elsewhere
    about = {"data": data, "seed": seed, "fingerprint": captioned.fingerprint(), "settings": settings.plain()}
    if before:
        check_same(before, about)
    if missing := nothing_mismatched(len(set(captioned.concepts.tolist())), len(captioned.texts)):
        raise TrainingError(f"data set {dataset.name!r}", got=missing, expected="several concepts and captions")
    if state is None:
        state = begin(settings, captioned, seed=seed, device=place)
    refuse_too_large(state.matcher, settings.batch_size, place, processes.count)
    pairs = Pairs(captioned, state.matcher, batch_size=settings.batch_size, seed=seed, processes=processes)
    if processes.first:
        folder.begin(state.matcher.recipe, about)
        folder.cut_metrics(state.step)
    processes.wait()
    return run(state, pairs, folder, checkpoint_every=checkpoint_every)


def _settings(own: "MatchingSettings | None", data_options: tuple[str, ...], **options: Any) -> "MatchingSettings":
    from rat_modules.matching.settings import MatchingSettings, changed_by

    return changed_by(own or MatchingSettings(), {**options, "data_options": _data_options(data_options) or None})


def _data_options(texts: tuple[str, ...]) -> dict[str, Any]:
    from rat_modules.recipes import parse_overrides

    keys = [text.partition("=")[0].strip() for text in texts if "=" in text]
    wrong = [key for key in keys if key in ("image_size", "split", "spec", "")]
    if wrong or len(keys) < len(texts):
        raise DataError("--option", got=", ".join(wrong or texts), expected="KEY=VALUE of the data set, as tones=all")
    return parse_overrides(texts)
