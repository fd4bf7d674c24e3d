"""Tensors in nested tuples, lists and dicts: what modules take and give."""

from collections.abc import Callable
from typing import Any

from torch import Tensor

Tree = Any


def tensors(tree: Tree) -> list[Tensor]:
    """Every tensor of a tree, in order; what else there is is passed over.

    Example:
        >>> import torch
        >>> len(tensors((torch.ones(1), [None, {"a": torch.ones(2)}])))
        2
    """
    found: list[Tensor] = []
    mapped(found.append, tree)
    return found


def mapped(function: Callable[[Tensor], Any], tree: Tree) -> Tree:
    """The tree with the function's value in place of every tensor.

    Example:
        >>> import torch
        >>> mapped(len, (torch.ones(3), None, [torch.ones(2)]))
        (3, None, [2])
    """
    if isinstance(tree, Tensor):
        return function(tree)
    if isinstance(tree, dict):
        return {key: mapped(function, part) for key, part in tree.items()}
    if isinstance(tree, tuple) and hasattr(tree, "_fields"):  # a NamedTuple
        return type(tree)(*(mapped(function, part) for part in tree))
    if isinstance(tree, tuple | list):
        return type(tree)(mapped(function, part) for part in tree)
    return tree
