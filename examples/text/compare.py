"""Which text encoder understands the captions of a data set best? Each is trained as long, with an image encoder.

`python examples/text/compare.py --data data/emoji --minutes 4 --out out/text` writes one matching model for each and
`comparison.json`. The minutes are of processor time, so that what else the machine does changes nothing.
"""

import importlib.util
import json
import sys
import time
from pathlib import Path
from typing import Any

import click
import torch

from rat_modules.atomic import atomic_write
from rat_modules.cli.refusals import refuse_existing
from rat_modules.data import CaptionedImages, open_dataset
from rat_modules.errors import RatError
from rat_modules.evaluation.retrieval import recall_at
from rat_modules.evaluation.stamp import stamp
from rat_modules.matching.files import load_matcher
from rat_modules.matching.matcher import Matcher
from rat_modules.matching.pairs import Pairs
from rat_modules.matching.settings import MatchingSettings
from rat_modules.matching.start import begin
from rat_modules.matching.state import PUBLISHED
from rat_modules.matching.trainer import run
from rat_modules.registry import get_catalog, load_plugin_file
from rat_modules.training.captioned import CaptionedPictures
from rat_modules.training.folder import RunFolder

# name -> what is trained
ENCODERS: dict[str, dict[str, Any]] = {
    "damsm, words": {"encoder": "damsm", "loss": "damsm", "vocabulary": "words"},
    "damsm, subwords": {"encoder": "damsm", "loss": "damsm", "vocabulary": "subwords"},
    "damsm, words, contrastive": {"encoder": "damsm", "loss": "contrastive", "vocabulary": "words"},
    "damsm, subwords, contrastive": {"encoder": "damsm", "loss": "contrastive", "vocabulary": "subwords"},
    "wordllama, projected": {"encoder": "wordllama", "loss": "contrastive"},
    "minilm, projected": {"encoder": "minilm", "loss": "contrastive"},
}
# split -> options it is opened with
SPLITS: dict[str, dict[str, dict[str, Any]]] = {
    "emoji": {"train": {"tones": "all"}, "test": {}, "composition": {}},
    "shapes": {"train": {}, "test": {"count": 512}, "heldout": {"count": 512}},
}


def known_encoders() -> None:
    """Register the plugin minilm by its file where the package can be imported and is not installed as a plugin."""
    found = importlib.util.find_spec("rat_modules_minilm")
    if found and found.origin and "minilm" not in get_catalog().names("text_encoders"):
        load_plugin_file(found.origin)


@click.command(context_settings={"help_option_names": ["-h", "--help"]})
@click.option("--data", default="data/emoji", show_default=True, help="A folder of `data emoji`, or shapes.")
@click.option(
    "--minutes", default=4.0, show_default=True, type=click.FloatRange(min=0, min_open=True), help="For each."
)
@click.option("--steps", default=10**6, type=click.IntRange(min=1), help="End after so many, if the minutes allow.")
@click.option("--size", default=32, show_default=True, type=click.IntRange(min=8), help="Edge of the pictures.")
@click.option("--seed", default=0, show_default=True, type=click.IntRange(min=0))
@click.option("--only", multiple=True, type=click.Choice([*ENCODERS]), help="Leave the others out (may be repeated).")
@click.option("--out", default="out/text", show_default=True, type=click.Path(path_type=Path), help="Folder to write.")
def compare(data: str, minutes: float, steps: int, size: int, seed: int, only: tuple[str, ...], out: Path) -> None:
    """Train every text encoder for the same minutes and measure recall on pictures that none has seen."""
    known_encoders()
    file = out / "comparison.json"
    report: dict[str, Any] = json.loads(file.read_text(encoding="utf-8")) if file.is_file() else {}
    splits = SPLITS["shapes" if data == "shapes" else "emoji"]
    opened = {split: open_dataset(data, image_size=size, split=split, **more) for split, more in splits.items()}
    captioned = CaptionedPictures(opened.pop("train"))
    for name in only or ENCODERS:
        refuse_existing(out / name.replace(", ", "-"))
    for name in only or ENCODERS:
        settings = MatchingSettings(**ENCODERS[name], image_size=size, steps=steps)
        row = trained(settings, captioned, out / name.replace(", ", "-"), minutes=minutes, seed=seed)
        matcher = load_matcher(out / name.replace(", ", "-"))
        row |= {split: recall(matcher, dataset) for split, dataset in opened.items()}
        report[name] = {**row, "measured_with": {**stamp("cpu"), "minutes": minutes, "size": size, "seed": seed}}
        with atomic_write(file) as temporary:
            temporary.write_text(json.dumps(report, indent=2) + "\n", encoding="utf-8")
        click.echo(f"{name}: {json.dumps(row)}")


def trained(
    settings: MatchingSettings, captioned: CaptionedPictures, out: Path, *, minutes: float, seed: int
) -> dict[str, Any]:
    """Train one matching model into a folder; how far it came, and how long preparing and training took."""
    began = time.process_time()
    state = begin(settings, captioned, seed=seed, device=torch.device("cpu"))
    pairs = Pairs(captioned, state.matcher, batch_size=settings.batch_size, seed=seed)
    folder = RunFolder(out, keep=1, published=PUBLISHED)
    about = {"data": captioned.dataset.name, "seed": seed, "fingerprint": captioned.fingerprint()}
    folder.begin(state.matcher.recipe, about)
    ready = time.process_time()

    def enough() -> bool:
        return time.process_time() > ready + 60 * minutes

    outcome = run(state, pairs, folder, checkpoint_every=10**6, stop_when=enough)
    if outcome.stopped_by:
        raise click.Abort
    seconds = {"preparing": round(ready - began, 1), "training": round(time.process_time() - ready, 1)}
    return {"steps": outcome.step, "seconds": seconds}


def recall(matcher: Matcher, dataset: CaptionedImages) -> dict[str, Any]:
    """How often the captions of a split find their pictures, what chance would, and among how many."""
    images = torch.stack([dataset.image(index) for index in range(len(dataset))])
    found = recall_at(matcher, images, [dataset.captions(index) for index in range(len(dataset))])
    rates = {f"recall@{k}": round(value, 4) for k, value in found.at.items()}
    rates |= {f"chance@{k}": round(value, 4) for k, value in found.chance.items()}
    return {**rates, "captions": found.captions, "unread": found.unread, "pictures": found.pictures}


if __name__ == "__main__":
    try:
        sys.exit(compare.main(standalone_mode=False) or 0)
    except click.ClickException as error:
        sys.exit(f"error: {error.format_message()}")
    except RatError as error:
        sys.exit(f"error: {error}")
