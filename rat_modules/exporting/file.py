"""Write, open again, compare, and only then give the file its name."""

from collections.abc import Callable
from pathlib import Path

import attrs

from rat_modules.atomic import atomic_write
from rat_modules.errors import RatError
from rat_modules.exporting.formats import FORMATS
from rat_modules.exporting.latency import latency
from rat_modules.exporting.subject import Subject
from rat_modules.exporting.verifying import Difference, verify

COUNTS = (1, 16)  # pictures whose latency is told


@attrs.frozen
class Exported:
    """A file that was written and verified.

    Args:
        size: bytes.
        difference: of its pictures, the largest.
        seconds: pictures at once -> seconds a call.
    """

    size: int
    difference: Difference
    seconds: dict[int, float]


def check_name(format: str, path: Path) -> None:
    """Refuse a file name that the format's own tools would not open.

    Raises:
        RatError: another suffix.
    """
    suffix = FORMATS[format].SUFFIX
    if path.suffix != suffix:
        raise RatError(f"--out of format {format!r}", got=path.name, expected=f"a name that ends in {suffix}")


def export_file(
    subject: Subject, format: str, path: str | Path, *, say: Callable[[str], None] = lambda line: None
) -> Exported:
    """Export a generator; a file that does not draw what the generator draws is not left behind.

    Args:
        subject: the generator.
        format: "onnx", "torch-export" or "aot".
        path: the file, named after its format.
        say: called with a line before each stage: some take half a minute.

    Raises:
        RatError: an unknown format or a wrong name, something is missing on this machine, the generator cannot be
            traced, or the file does not draw the same.
        OSError: the disk is full or the folder cannot be written.

    Example:
        >>> import tempfile
        >>> from rat_modules import assemble
        >>> from rat_modules.exporting.subject import subject
        >>> found = subject(assemble("ratgan-tiny", **{"text_encoder.name": "none"}))
        >>> file = Path(tempfile.mkdtemp()) / "tiny.pt2"
        >>> export_file(found, "torch-export", file).difference.exported
        0.0
    """
    if format not in FORMATS:
        raise RatError("format", got=repr(format), expected="one of " + ", ".join(FORMATS))
    path, form = Path(path), FORMATS[format]
    check_name(format, path)
    form.check()
    with atomic_write(path) as temporary:
        say(f"writing format {format} ...")
        form.write(subject, temporary)
        say("comparing what it draws with the generator ...")
        run = form.opened(temporary)
        difference = verify(subject, run)
        say("timing it ...")
        seconds = {count: latency(subject, run, count) for count in COUNTS}
        return Exported(temporary.stat().st_size, difference, seconds)
