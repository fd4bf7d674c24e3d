"""Small systems to export, and what skips where a format cannot be had."""

import importlib.util

import pytest
import torch

from rat_modules.assembly import Assembly, assemble
from rat_modules.errors import RatError
from rat_modules.exporting import ahead
from rat_modules.exporting.subject import Subject, subject

from ..plates import SMALL

PACKAGES = ("onnx", "onnxscript", "onnxruntime")
missing = [name for name in PACKAGES if importlib.util.find_spec(name) is None]
onnx_there = pytest.mark.skipif(bool(missing), reason=f'needs {", ".join(missing)}: pip install "rat-modules[export]"')


def _no_compiler() -> str:
    try:
        ahead.check()
    except RatError as error:
        return str(error)
    return ""


compiler_there = pytest.mark.skipif(bool(_no_compiler()), reason=_no_compiler())


def small(**changes: object) -> Assembly:
    """An untrained system whose pictures depend on noise and on caption."""
    assembly = assemble("ratgan-tiny", **{**SMALL, **changes})
    for weight in assembly.generator.parameters():
        torch.nn.init.normal_(weight, std=0.3)
    return assembly


def small_subject(precision: str = "float32", **changes: object) -> Subject:
    return subject(small(**changes), precision)
