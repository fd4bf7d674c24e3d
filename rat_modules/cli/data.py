"""`rat-modules data`: prepare captioned pictures, or look through a folder of them."""

import json
from pathlib import Path

import click

from rat_modules.cli.refusals import refuse_unwritable
from rat_modules.cli.table import table
from rat_modules.errors import RatError

EPILOG = """\b
Examples:
  rat-modules data emoji --out data/emoji
  rat-modules data check data/emoji
"""
SHARD_EPILOG = """\b
Examples:
  rat-modules data shard photos --out shards/photos
  rat-modules data shard data/emoji --option tones=all --out shards/emoji --image-size 64
"""
EMOJI_EPILOG = """\b
Examples:
  rat-modules data emoji
  rat-modules data emoji --from ~/Downloads --out data/emoji
"""
CHECK_EPILOG = """\b
Examples:
  rat-modules data check data/emoji
  rat-modules data check photos --json
"""


@click.group(epilog=EPILOG)
def command() -> None:
    """Prepare captioned pictures, or check a folder of them."""


@command.command("emoji", epilog=EMOJI_EPILOG)
@click.option(
    "--from",
    "source",
    type=click.Path(file_okay=False, path_type=Path),
    help="Take the four .tgz files from this folder instead of fetching them with npm.",
)
@click.option(
    "--out",
    type=click.Path(path_type=Path),
    default=Path("data/emoji"),
    show_default=True,
    help="The data folder to make.",
)
def make_emoji(source: Path | None, out: Path) -> None:
    """Make the emoji set: 8,460 captioned pictures of 64 px in three styles, under free licences.

    Fetches 159 MB with npm, checks every byte, and leaves 139 MB. Colours in captions are measured on the pixels. An
    interrupted run goes on where it was. Train on it with --data data/emoji.
    """
    from rat_modules.data.emoji_build import build

    content = build(out, source=source, say=click.echo)
    counts = ("images", "images_without_tones", "concepts", "pairs")
    rows = [{"what": key.replace("_", " "), "count": content[key]} for key in counts]
    rows += [{"what": f"{name} images", "count": count} for name, count in content["styles"].items()]
    rows += [{"what": f"{name} split", "count": count} for name, count in content["splits"].items()]
    rows.append({"what": "skipped files", "count": len(content["skipped"])})
    click.echo(table(rows))
    click.echo(f"made {out}; licences and attribution: {out / 'LICENCES.txt'}")


@command.command("shard", epilog=SHARD_EPILOG)
@click.argument("source", metavar="DATA")
@click.option("--out", required=True, type=click.Path(path_type=Path), help="A new folder for the shards.")
@click.option("--per", type=click.IntRange(min=1), default=1000, show_default=True, help="Pictures in a shard.")
@click.option(
    "--image-size",
    type=click.IntRange(min=1),
    metavar="N",
    help="Store squares of N pixels.  [default: the original files, where there are files]",
)
@click.option("--option", "options", multiple=True, metavar="KEY=VALUE", help="Of the data set (may be repeated).")
def make_shards(source: str, out: Path, per: int, image_size: int | None, options: tuple[str, ...]) -> None:
    """Write captioned pictures as tars, to train on sets of any size.

    DATA is whatever `train --data` takes; all its splits are written, in the form of webdataset, with an index.json.
    Training on --out streams the pictures and holds none of them. The same data give the same bytes. A run that was
    stopped is run again.
    """
    from rat_modules.data.shard_writing import write_shards
    from rat_modules.recipes import parse_overrides

    refuse_unwritable(out)
    chosen = parse_overrides(options)
    if taken := [key for key in ("split", "image_size", "spec") if key in chosen]:
        raise RatError("--option", got=taken[0], expected="a keyword of the data set alone", hint="see --help")
    say = lambda line: click.echo(line, err=True)  # noqa: E731
    index = write_shards(source, out, per=per, image_size=image_size, say=say, **chosen)
    rows = [
        {
            "split": name,
            "shards": len(split.shards),
            "pictures": split.pictures,
            "captions": split.captions,
            "concepts": split.concepts,
            "MB": f"{sum(shard.bytes for shard in split.shards) / 1e6:.1f}",
        }
        for name, split in index.splits.items()
    ]
    click.echo(table(rows))
    click.echo(f"made {out}; train on it with --data {out}")


@command.command("check", epilog=CHECK_EPILOG)
@click.argument("folder", metavar="PATH")
@click.option("--json", "as_json", is_flag=True, help="Print JSON instead of a table.")
def check(folder: str, as_json: bool) -> int | None:
    """Look through a data folder before training on it.

    PATH holds pictures with captions, or CUB, Oxford-102 or COCO as published, or is what `rat-modules data` made.
    Counts pictures and captions, what cannot be used and why, and pictures that are in the test and the training
    split, identical or nearly so. Exit status 2 means that no picture can be used.
    """

    import attrs

    from rat_modules.data.check import check_folder

    report = check_folder(folder)
    click.echo(json.dumps(attrs.asdict(report), indent=2) if as_json else str(report))
    return None if any(split.pictures for split in report.splits) else 2
