"""Format torch-export: one .pt2 file, a graph of torch's own operations that `torch.export.load` opens."""

import io
import json
from pathlib import Path
from typing import cast

import torch

from rat_modules.exporting.program import exported
from rat_modules.exporting.quiet import quiet
from rat_modules.exporting.running import Run
from rat_modules.exporting.subject import Subject

SUFFIX = ".pt2"
FACTS = "rat_modules.json"  # among the extra files of the archive


def check() -> None:
    """Nothing beyond torch is needed."""


def write(subject: Subject, path: Path) -> None:
    """Write the program; facts are its extra file `rat_modules.json`.

    Raises:
        RatError: the generator cannot be traced.
        OSError: the disk is full.
    """
    # into memory first: of a full disk, torch's own writer raises an error that says nothing
    written = io.BytesIO()
    program = exported(subject)
    # the inputs that it was traced with are no part of a model
    program._example_inputs = None
    with quiet():
        torch.export.save(program, written, extra_files={FACTS: json.dumps(subject.facts)})
    path.write_bytes(written.getbuffer())


def opened(path: Path) -> Run:
    """The file as a function of noise and sentence."""
    with quiet():
        return cast(Run, torch.no_grad()(torch.export.load(path).module()))


def facts(path: Path) -> dict[str, str]:
    """What a file says of itself."""
    extra = {FACTS: ""}
    with quiet():
        torch.export.load(path, extra_files=extra)
    found: dict[str, str] = json.loads(extra[FACTS])
    return found
