"""Which implementation of an op runs: the reference in torch's own operations, or its Triton kernel."""

import functools
import importlib
import os
import shutil
from types import ModuleType
from typing import Literal, get_args

from torch import Tensor

from rat_modules.errors import RatError
from rat_modules.ops.memory import transformed

Backend = Literal["auto", "reference", "triton"]
_BACKENDS = get_args(Backend)
# ops that have a kernel of their name in ops/kernels
KERNELS = ("affine", "soft_threshold")


def check_backend(backend: str) -> None:
    """Refuse a backend that nobody knows.

    Raises:
        RatError: with those that there are.
    """
    if backend not in _BACKENDS:
        raise RatError("backend", got=repr(backend), expected="one of " + ", ".join(_BACKENDS))


def kernel(op: str, x: Tensor, backend: Backend = "auto") -> ModuleType | None:
    """The module of an op's kernels, or None where the reference computes.

    Args:
        op: one of KERNELS.
        x: the features that it is to take.
        backend: "auto" takes the kernel on CUDA wherever it can, and lets a compiler fuse by itself; "triton" insists
            on it, also in a compiler's graph (`ops.registered`) and on a CPU under TRITON_INTERPRET=1, but not for
            directional derivatives and tracers, which no kernel knows; "reference" never takes it.

    Raises:
        RatError: an unknown backend, or "triton" where the kernel cannot run, with the reason.

    Example:
        >>> import torch
        >>> kernel("affine", torch.ones(2, 3, 4)) is None
        True
    """
    check_backend(backend)
    if backend == "reference" or (backend == "auto" and not x.is_cuda):
        return None
    reason = unfit(op, x)
    if reason is None:
        return _module(op)
    if backend == "triton":
        raise RatError(f"backend 'triton' of {op}", got=reason, hint="use backend='auto'")
    return None


def unfit(op: str, x: Tensor) -> str | None:
    """Why the kernel of `op` cannot take `x`; None where it can.

    Example:
        >>> import torch
        >>> unfit("affine", torch.ones(2, 3, 4, device="meta"))
        'features are on meta'
    """
    if not x.is_cuda and x.device.type != "cpu":
        return f"features are on {x.device.type}"
    if transformed():
        return "torch.func transforms the features"
    missing = unavailable(op)
    if missing is not None:
        return missing
    if not x.is_cuda and not _interpreted(op):
        return "features are on the CPU, and TRITON_INTERPRET is not set"
    if not _interpreted(op) and not _compiler():
        return "triton needs a C compiler and finds none: install gcc or clang, or name one in CC"
    reason: str | None = _module(op).unfit(x)
    return reason


@functools.cache
def unavailable(op: str) -> str | None:
    """Why an op's kernel cannot be loaded at all; None where it can."""
    try:
        _module(op)
    except Exception as error:  # an installation can be broken in many ways, and is then left alone
        return f"triton cannot be used ({type(error).__name__} {error})"
    return None


@functools.cache
def _compiler() -> str | None:
    """The C compiler that Triton would take; it is loaded without one, and fails at the first launch."""
    named = os.environ.get("CC")
    return shutil.which(named) if named is not None else shutil.which("gcc") or shutil.which("clang")


def _module(op: str) -> ModuleType:
    return importlib.import_module(f"rat_modules.ops.kernels.{op}")


def _interpreted(op: str) -> bool:
    return bool(_module(op).INTERPRETED)
