"""Published tensors onto a network of ours: each has a place, or a reason to be dropped, or the file is refused."""

from collections.abc import Collection, Iterable, Mapping

import attrs
import torch
from torch import Tensor

from rat_modules.checkpoints.published_keys import KeyMap
from rat_modules.errors import CheckpointError
from rat_modules.registry.nearest import nearest

_NAMED = 6  # so many of a sort are named in a refusal; the rest is counted


@attrs.frozen
class Fit:
    """Where the tensors of a file went.

    Args:
        tensors: our name -> tensor, of the type that ours has.
        aliases: published names that repeat another tensor, bit for bit.
        unused: published names that the forward pass never reads.
        notes: what a person should know of the numbers.
    """

    tensors: dict[str, Tensor]
    aliases: tuple[str, ...]
    unused: tuple[str, ...]
    notes: tuple[str, ...]


def fit(source: str, weights: Mapping[str, Tensor], expected: Mapping[str, Tensor], keys: KeyMap) -> Fit:
    """Give every published tensor its place.

    Args:
        source: the file, for messages.
        weights: published name -> tensor.
        expected: our name -> a tensor of the shape that it must have (a state dict; `meta` tensors will do).
        keys: which is which.

    Raises:
        CheckpointError: aliases that differ; tensors missing, left over or of another shape. All in one line.

    Example:
        >>> from rat_modules.checkpoints.published_keys import KeyMap
        >>> keys = KeyMap({"fc.{leaf}": "stem.{leaf}"}, {}, ())
        >>> fit("netG.pth", {"fc.bias": torch.ones(2)}, {"stem.bias": torch.zeros(2)}, keys).tensors
        {'stem.bias': tensor([1., 1.])}
    """
    weights, aliases = _without_aliases(source, weights, keys)
    unused = [name for name in weights if keys.is_unused(name)]
    found = {keys.ours(name): name for name in weights if name not in unused and keys.ours(name) in expected}
    missing = [keys.published(ours) or ours for ours in expected if ours not in found]
    unexpected = [name for name in weights if name not in unused and name not in found.values()]
    taken = {ours: weights[name] for ours, name in found.items() if ours is not None}
    wrong = [
        f"{found[ours]} is {_described(tensor)}, expected {_described(expected[ours])}"
        for ours, tensor in taken.items()
        if _described(tensor) != _described(expected[ours])
    ]
    if missing or unexpected or wrong:
        lists = [
            _listed("missing", missing, unexpected),
            _listed("unexpected", unexpected, missing),
            _listed("wrong", wrong),
        ]
        raise CheckpointError(
            f"{source} does not fit tensor by tensor",
            got="; ".join(filter(None, lists)),
            expected=f"{len(expected)} tensors",
        )
    return Fit(
        {ours: tensor.to(expected[ours].dtype) for ours, tensor in taken.items()},
        tuple(aliases),
        tuple(unused),
        tuple(_number_notes(taken.values())),
    )


def _without_aliases(source: str, weights: Mapping[str, Tensor], keys: KeyMap) -> tuple[dict[str, Tensor], list[str]]:
    kept = {name: tensor for name, tensor in weights.items() if keys.alias_of(name) is None}
    aliases = []
    for name, tensor in weights.items():
        original = keys.alias_of(name)
        if original is None:
            continue
        # a file written without repeated tensors may have kept any one of the names
        if not _same_bits(kept.setdefault(original, tensor), tensor):
            raise CheckpointError(
                f"{source}: {name} differs from {original}",
                got="two tensors",
                expected="one and the same, bit for bit",
                hint="the published model shares them; this file was made by something else",
            )
        aliases.append(name)
    return kept, aliases


def _same_bits(one: Tensor, other: Tensor) -> bool:
    if one.shape != other.shape or one.dtype != other.dtype:
        return False
    # as bytes, because a NaN does not equal itself
    return torch.equal(*(tensor.contiguous().reshape(-1).view(torch.uint8) for tensor in (one, other)))


def _number_notes(tensors: Collection[Tensor]) -> Iterable[str]:
    floating = [tensor for tensor in tensors if tensor.is_floating_point()]
    kinds = sorted({str(tensor.dtype).removeprefix("torch.") for tensor in floating} - {"float32"})
    if kinds:
        yield f"holds {', '.join(kinds)} numbers, written as float32"
    broken = sum(not bool(torch.isfinite(tensor).all()) for tensor in floating)
    if broken:
        yield f"{broken} of its tensors hold NaN or infinite numbers"


def _listed(title: str, names: list[str], others: Collection[str] = ()) -> str:
    if not names:
        return ""
    texts = [f"{name} (near: {near[0]})" if (near := nearest(name, others, 1)) else name for name in names[:_NAMED]]
    rest = f" and {len(names) - _NAMED} more" if len(names) > _NAMED else ""
    return f"{len(names)} {title}: {', '.join(texts)}{rest}"


def _described(tensor: Tensor) -> str:
    kind = "" if tensor.is_floating_point() else f" of {str(tensor.dtype).removeprefix('torch.')}"
    return f"{tuple(tensor.shape)}{kind}"
