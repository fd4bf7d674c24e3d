"""First and second derivatives against finite differences, in float64."""

import importlib
import warnings
from collections.abc import Callable, Mapping, Sequence

import torch
from torch import Tensor
from torch.autograd.gradcheck import GradcheckError

from rat_modules.testing.compare import difference
from rat_modules.testing.measured import as_measured
from rat_modules.testing.report import ConformanceError
from rat_modules.testing.trees import Tree, tensors

Function = Callable[..., Tree]


def check_first(function: Function, inputs: Sequence[Tensor], *, forward_mode: bool = False) -> None:
    """Backward, and where asked forward-mode, derivatives of a function are those of finite differences.

    Args:
        function: called with `inputs`; gives tensors in tuples, lists or dicts.
        inputs: float64 tensors that require a gradient, and others.
        forward_mode: compare torch.func.jvp too.

    Raises:
        ConformanceError: they are not.
    """
    _hold("the first derivative", torch.autograd.gradcheck, function, inputs)
    if forward_mode:
        with warnings.catch_warnings():
            # torch loads its rules of forward mode through torch.jit, which it calls deprecated itself
            warnings.simplefilter("ignore", DeprecationWarning)
            importlib.import_module("torch._decomp.decompositions_for_jvp")
        check = torch.autograd.gradcheck
        _hold("the forward-mode derivative", check, function, inputs, check_forward_ad=True, check_backward_ad=False)


def check_second(function: Function, inputs: Sequence[Tensor]) -> None:
    """Derivatives of the backward pass are those of finite differences; arguments as of `check_first`."""
    _hold("the second derivative", torch.autograd.gradgradcheck, function, inputs)


def _hold(name: str, check: Callable[..., bool], function: Function, inputs: Sequence[Tensor], **how: bool) -> None:
    def flat(*given: Tensor) -> tuple[Tensor, ...]:
        return tuple(tensor for tensor in tensors(function(*given)) if tensor.is_floating_point())

    try:
        # fast mode follows random directions instead of every axis: as strict, in a fraction of the time
        check(flat, tuple(inputs), fast_mode=True, **how)
    except (GradcheckError, RuntimeError, NotImplementedError) as error:
        said = " ".join(str(error).split())
        raise ConformanceError(f"{name} is not that of finite differences: {said}") from error


def penalty_gradients(
    function: Function, inputs: Sequence[Tensor], weights: Mapping[str, Tensor]
) -> tuple[Tensor, dict[str, Tensor | None]]:
    """The squared gradient norm of a function's sum by its inputs, and that penalty's gradients by the weights.

    Args:
        function: called without arguments; it reads `inputs` and `weights`, and its value is a scalar.
        inputs: tensors that require a gradient.
        weights: name -> tensor that requires one.

    Returns:
        The penalty, and for each weight its gradient or None.

    Example:
        >>> x, w = torch.ones(2, requires_grad=True), torch.tensor(3.0, requires_grad=True)
        >>> value, slopes = penalty_gradients(lambda: (w * x).sum(), [x], {"w": w})
        >>> float(value), float(slopes["w"])
        (18.0, 12.0)
    """
    penalty = _penalty(function, inputs)
    if not penalty.requires_grad:
        return penalty, dict.fromkeys(weights)
    found = torch.autograd.grad(penalty, list(weights.values()), allow_unused=True)
    return penalty.detach(), dict(zip(weights, found, strict=True))


def _penalty(function: Function, inputs: Sequence[Tensor]) -> Tensor:
    slopes = torch.autograd.grad(function(), list(inputs), create_graph=True, allow_unused=True)
    return torch.stack([slope.square().sum() for slope in slopes if slope is not None]).sum()


def check_penalty(function: Function, inputs: Sequence[Tensor], weights: Mapping[str, Tensor], step: float) -> float:
    """Weight gradients of a penalty equal its own finite differences along a random direction of every weight.

    Args:
        function: as of `penalty_gradients`.
        inputs: tensors that require a gradient.
        weights: name -> float64 tensor that requires one; they are moved, and put back.
        step: how far, relative to a weight's size.

    Returns:
        The penalty.

    Raises:
        ConformanceError: a weight's gradient is another one, or is missing although the weight moves the penalty.
    """
    penalty, slopes = penalty_gradients(function, inputs, weights)
    as_measured("the gradient penalty", lambda: _penalty(function, inputs), weights, slopes, step)
    return float(penalty)


def same_penalty_gradients(
    found: Mapping[str, Tensor | None], expected: Mapping[str, Tensor | None], *, least: float = 1e-8
) -> float:
    """The largest relative difference of two sets of gradients; None is a gradient of zeros."""
    apart = 0.0
    for name, wanted in expected.items():
        slope = found[name]
        if wanted is not None:
            missing = torch.zeros_like(wanted)
            apart = max(apart, difference(missing if slope is None else slope, wanted, least=least))
        elif slope is not None and slope.any():
            return float("inf")
    return apart
