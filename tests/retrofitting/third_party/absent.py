"""Packages that others import and their generators never use: stood in for while they are imported, and gone after.

The generators are installed without their dependencies, which would bring another torch, CUDA libraries and trackers.
A stand-in answers any import with an empty class; the one function that some generators do run is written out.
"""

import importlib.abc
import importlib.machinery
import sys
import types
import warnings
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any
from unittest import mock

import torch
from torch import Tensor
from torch.nn import functional


class _Nothing:
    """In place of a class, a function, or a decorator, which leaves alone what it decorates."""

    def __new__(cls, *args: Any, **_: Any) -> Any:
        return args[0] if len(args) == 1 and isinstance(args[0], types.FunctionType) else super().__new__(cls)

    def __init__(self, *_: Any, **__: Any) -> None:
        pass

    def __class_getitem__(cls, _: Any) -> type:
        return cls


class _Absent(types.ModuleType):
    __path__: Sequence[str] = ()

    def __getattr__(self, name: str) -> Any:
        if name.startswith("__"):
            raise AttributeError(name)
        return filter2d if name == "filter2d" else type(name, (_Nothing,), {"__module__": self.__name__})


class _Finder(importlib.abc.MetaPathFinder, importlib.abc.Loader):
    def __init__(self, names: Sequence[str]) -> None:
        self.names = names

    def find_spec(self, name: str, *_: Any) -> importlib.machinery.ModuleSpec | None:
        package, dot, _part = name.partition(".")
        # a part that an installed package has not, it has not
        wanted = package in self.names and (not dot or isinstance(sys.modules.get(package), _Absent))
        return importlib.machinery.ModuleSpec(name, self, is_package=True) if wanted else None

    def create_module(self, spec: importlib.machinery.ModuleSpec) -> types.ModuleType:
        return _Absent(spec.name)

    def exec_module(self, module: types.ModuleType) -> None:
        pass


@contextmanager
def absent(*names: str) -> Iterator[None]:
    """While this is open, packages of these names can be imported even where they are not installed.

    A part of an installed package, as 'torch.utils.tensorboard', is not imported but stood in for.

    What others warn of at import, or say when they find no GPU, is theirs.
    """
    finder = _Finder(names)
    sys.meta_path.append(finder)  # last: what is installed is what is imported
    sys.modules.update({name: _Absent(name) for name in names if "." in name and name not in sys.modules})
    try:
        with warnings.catch_warnings(), mock.patch("torch.cuda.is_available", return_value=True):
            warnings.simplefilter("ignore")
            yield
    finally:
        sys.meta_path.remove(finder)
        for name in [name for name, module in sys.modules.items() if isinstance(module, _Absent)]:
            del sys.modules[name]


def filter2d(x: Tensor, kernel: Tensor, border_type: str = "reflect", normalized: bool = False, **_: Any) -> Tensor:
    """kornia's filter of that name, on every channel: a correlation of the same size, the border reflected."""
    if normalized:
        kernel = kernel / kernel.abs().sum((-2, -1), keepdim=True)
    height, width = kernel.shape[-2:]
    padded = functional.pad(x, (width // 2, width // 2, height // 2, height // 2), mode=border_type)
    weight = kernel.to(x).expand(x.shape[1], height, width)[:, None]
    return torch.conv2d(padded, weight, groups=x.shape[1])
