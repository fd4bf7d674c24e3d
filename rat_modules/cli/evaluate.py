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
  rat-modules evaluate runs/emoji --data data/emoji --protocol emoji --matcher runs/text --out emoji.json
"""


def _list(context: click.Context, parameter: click.Parameter, asked: bool) -> None:
    if asked:
        from rat_modules.cli.protocols import listing

        click.echo(listing())
        context.exit()


@click.command(epilog=EPILOG)
@click.argument("model", type=click.Path(path_type=Path))
@click.option("--data", required=True, help="What the model was trained on.")
@click.option("--protocol", metavar="NAME", help="Measure by this protocol; --protocols lists them.")
@click.option("--protocols", is_flag=True, is_eager=True, expose_value=False, callback=_list, help="List protocols.")
@click.option("--features", metavar="SPEC", help="shapes, inception, inception:FILE, or a run of `train-text`.")
@click.option("--matcher", type=click.Path(path_type=Path), help="R-precision by this run of `train-text`.")
@click.option("--measure", "measures", multiple=True, metavar="NAME", help="One more metric (may be repeated).")
@click.option("--image-size", type=click.IntRange(min=8), help="Edge in pixels, where the protocol has another.")
@click.option("--split", help="Of the data.  [default: the protocol's, or test]")
@click.option("--samples", type=click.IntRange(min=2), help="Pictures.  [default: the protocol's, or 500 of each kind]")
@click.option("--seed", type=SEED, help="Of captions and noise.  [default: 0]")
@click.option("--device", metavar="cpu|cuda|mps", help="Where to draw.  [default: cuda where there is one]")
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
@click.option("--out", type=click.Path(path_type=Path, dir_okay=False), help="Write the JSON into this file too.")
def command(model: Path, data: str, protocol: str | None, as_json: bool, out: Path | None, **options: Any) -> None:
    """Draw samples with MODEL and measure them.

    With --protocol: Frechet and kernel distance (FID, KID), precision and recall, diversity, R-precision and more, by a
    protocol that says everything on which these numbers depend. All of it stands in the JSON, and `rat-modules compare`
    refuses results of different protocols. torchrun shares the work between processes. A --measure is a registered
    metric, in quotes with its options: --measure "clip-score model=DIR".

    Without, for shapes: colour, shape, size and place are read back from the pictures. "seen" are colour-shape pairs of
    the training pictures, "held-out" pairs whose parts alone were seen; "chance" is a uniform guess of each attribute,
    "constant" the best answer that is always the same, "real" what the checker reads from real pictures. A picture off
    the grey background, or with more on it than one shape, counts as wrong.

    Without, but with --matcher: how often a picture's own caption ranks first among it and 99 captions of other
    concepts, for generated and for real pictures.
    """
    if out is not None:
        refuse_unwritable(out.parent)
    if protocol is not None:
        by_protocol(protocol, model, data, as_json=as_json, out=out, **options)
    else:
        without_protocol(model, data, as_json=as_json, out=out, **options)


def by_protocol(name: str, model: Path, data: str, *, as_json: bool, out: Path | None, **options: Any) -> None:
    """Measure by a protocol, in one process or in several; the first one tells."""
    from rat_modules.cli.protocols import evaluate, protocol_as_asked, show
    from rat_modules.training.processes import joined

    matcher, device = options.pop("matcher"), options.pop("device")
    protocol = protocol_as_asked(name, **options)
    with joined() as processes, processes.watched(hint="run it again, with any number of processes"):
        result = evaluate(protocol, model, data, matcher=matcher, device=device, processes=processes)
    if result is None:
        return
    if out is not None:
        result.write(out)
    if as_json:
        click.echo(result.as_json())
    else:
        show(result)
    if left_out := [name for name in protocol.names if name not in result.results]:
        hint = f"the notes say why; the others are in {out}" if out is not None else "the notes say why"
        raise RatError("measures", got=f"no {', '.join(left_out)}", expected="all", hint=hint)


def without_protocol(
    model: Path,
    data: str,
    *,
    matcher: Path | None,
    split: str | None,
    samples: int | None,
    seed: int | None,
    device: str | None,
    as_json: bool,
    out: Path | None,
    **rest: Any,
) -> None:
    """Read shapes back, or ask a matching model."""
    if given := [f"--{key.replace('_', '-')}" for key, value in rest.items() if value]:
        raise RatError(" and ".join(given), got="no --protocol", expected="one with it; --protocols lists them")
    split, samples, seed = split or "test", samples or 500, seed or 0
    if data != "shapes" and matcher is None:
        hint = "or give a --protocol, or a --matcher of `rat-modules train-text` for R-precision"
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
