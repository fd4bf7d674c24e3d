"""The whole page in one folder, which appears complete and verified or not at all."""

import json
import shutil
from collections.abc import Callable, Sequence
from importlib import resources
from pathlib import Path

from rat_modules.assembly import Assembly
from rat_modules.atomic import atomic_folder
from rat_modules.exporting.file import Exported, export_file
from rat_modules.exporting.formats import FORMATS
from rat_modules.exporting.subject import CAPTIONS, Subject, readable
from rat_modules.exporting.web.encoder import check_encoder, write_encoder
from rat_modules.exporting.web.packing import pack
from rat_modules.exporting.web.runtime import CODE, MACHINE, RUNTIME, write_runtime

PAGE = (
    "index.html",
    "page.css",
    "opened.js",
    "page.js",
    "draw.js",
    "encoder.js",
    "sentence.js",
    "pieces.js",
    "damsm.js",
    "vocabulary.js",
    "packed.js",
    "noise.js",
)


def export_page(
    assembly: Assembly,
    subject: Subject,
    out: str | Path,
    *,
    runtime: Path | None = None,
    captions: Sequence[str] = CAPTIONS,
    say: Callable[[str], None] = lambda line: None,
) -> Exported:
    """Write a folder that any file server can serve, and that draws in the browser that opens it.

    Args:
        assembly: whose text encoder the page runs.
        subject: its generator.
        out: a new or empty folder.
        runtime: the folder with onnxruntime-web's tarball; None fetches it by npm.
        captions: ideas that the page offers, where its text encoder can read them.
        say: called with lines about what is fetched, and before each stage.

    Returns:
        The bytes of the whole folder, and what was found of the generator's ONNX file.

    Raises:
        RatError: a text encoder that no page can run, a missing package or tarball, or a generator that cannot be
            exported.
        OSError: the disk is full, or `out` holds something.
    """
    check_encoder(assembly.text_encoder)
    FORMATS["onnx"].check()
    with atomic_folder(out) as folder:
        write_runtime(folder, runtime, say)
        made = _write_generator(folder, subject, say)
        text = write_encoder(folder, assembly.text_encoder)
        page = resources.files("rat_modules.exporting.web") / "page"
        for name in PAGE:
            (folder / name).write_bytes((page / name).read_bytes())
        weighed = [path for path in folder.iterdir() if path.suffix == ".gz"]
        model = {
            **{name: int(subject.facts[name]) for name in ("noise_dim", "cond_dim", "image_size")},
            "value_range": float(subject.facts["value_range"]),
            "text": text,
            "captions": readable(assembly.text_encoder, captions),
            "bytes": sum(path.stat().st_size for path in weighed),
            "about": subject.facts,
            "runtime": {"package": RUNTIME.spec, "sha512": RUNTIME.sha512, "files": [CODE, MACHINE],
                        "licence": RUNTIME.licence, "by": RUNTIME.attribution},
        }  # fmt: skip
        (folder / "model.json").write_text(json.dumps(model, ensure_ascii=False, indent=1) + "\n", encoding="utf-8")
        size = sum(path.stat().st_size for path in folder.iterdir())
    return Exported(size, made.difference, made.seconds)


def _write_generator(folder: Path, subject: Subject, say: Callable[[str], None]) -> Exported:
    scratch = folder / ".onnx"
    try:
        made = export_file(subject, "onnx", scratch / "generator.onnx", say=say)
        pack(folder / "generator.onnx.gz", (scratch / "generator.onnx").read_bytes())
    finally:
        shutil.rmtree(scratch, ignore_errors=True)
    return made
