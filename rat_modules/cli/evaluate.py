"""`rat-modules evaluate`: do the pictures show what the captions say?"""

import json
from pathlib import Path
from typing import Any

import click

from rat_modules.cli.options import SEED
from rat_modules.cli.refusals import refuse_unwritable
from rat_modules.cli.table import table
from rat_modules.errors import RatError

EPILOG = """\b
Examples:
  rat-modules evaluate runs/first --data shapes
  rat-modules evaluate runs/first --data data/emoji --matcher runs/text --split test --out first.json
"""


@click.command(epilog=EPILOG)
@click.argument("model", type=click.Path(path_type=Path))
@click.option("--data", required=True, help="What the model was trained on; other than `shapes` with --matcher.")
@click.option("--matcher", type=click.Path(path_type=Path), help="R-precision by this run of `train-text`.")
@click.option("--split", default="test", show_default=True, help="Of the data, with --matcher.")
@click.option("--samples", type=click.IntRange(min=2), default=500, show_default=True, help="Pictures of each kind.")
@click.option("--seed", type=SEED, default=0, show_default=True, help="Of captions and noise.")
@click.option("--device", metavar="cpu|cuda", help="Where to draw.  [default: cuda where there is one]")
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
@click.option("--out", type=click.Path(path_type=Path, dir_okay=False), help="Write the JSON into this file too.")
def command(
    model: Path,
    data: str,
    matcher: Path | None,
    split: str,
    samples: int,
    seed: int,
    device: str | None,
    as_json: bool,
    out: Path | None,
) -> None:
    """Draw samples with MODEL and read colour, shape, size and place back from them.

    "seen" are colour-shape pairs of the training pictures, "held-out" pairs whose parts alone were seen; "chance" is
    a uniform guess of each attribute, "constant" the best answer that is always the same, "real" what the checker reads
    from real pictures. A picture off the grey background, or with more on it than one shape, counts as wrong.

    With --matcher: how often a picture's own caption ranks first among it and 99 captions of other concepts, for
    generated and for real pictures.
    """
    if out is not None:
        refuse_unwritable(out.parent)
    if data != "shapes" and matcher is None:
        hint = "give a --matcher of `rat-modules train-text` for R-precision"
        raise RatError("--data", got=repr(data), expected="shapes, whose attributes can be read back", hint=hint)
    from rat_modules.assembly import load
    from rat_modules.atomic import atomic_write
    from rat_modules.evaluation.shapes_report import accuracy_rows, shapes_report, unrecognised
    from rat_modules.evaluation.stamp import stamp
    from rat_modules.sampling.device import choose_device
    from rat_modules.training.folder import RunFolder

    trained_on = (RunFolder(model).read_about() or {}).get("data", data)
    if matcher is None and trained_on != data:  # attributes are those of shapes
        got = f"{model}, trained on {trained_on}"
        raise RatError("MODEL", got=got, expected=f"one trained on {data}", hint="its captions say other things")
    assembly = load(model)
    if assembly.generator is None:
        raise RatError(f"{model} cannot draw", got="no generator", expected="a model of `train` or `convert`")
    place = choose_device(device)
    assembly.generator.to(place)
    report: dict[str, Any] = {"model": str(model), "data": data}
    if matcher is None:
        report |= shapes_report(assembly, samples=samples, seed=seed)
        lines = [table(accuracy_rows(report)), *unrecognised(report)]
    else:
        from rat_modules.data import open_dataset
        from rat_modules.evaluation.r_precision_report import r_precision_report
        from rat_modules.matching.files import load_matcher

        judge = load_matcher(matcher, device=place)
        dataset = open_dataset(data, image_size=judge.image_encoder.image_size, split=split)
        report |= {"matcher": str(matcher), "split": split}
        report |= r_precision_report(assembly, judge, dataset, samples=samples, seed=seed)
        rows = ("generated", "real", "chance")
        lines = [table([{"pictures": row, "R-precision": f"{100 * report[row]:.1f} %"} for row in rows])]
    report["measured_with"] = stamp(place)
    text = json.dumps(report, indent=2)
    if out is not None:
        with atomic_write(out) as temporary:
            temporary.write_text(text + "\n", encoding="utf-8")
    click.echo(text if as_json else "\n".join(lines))
