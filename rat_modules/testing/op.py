"""Does a function of tensors compute what it says, whatever is done to it, to the second derivative?"""

from collections.abc import Mapping, Sequence

import torch
from torch import Tensor

from rat_modules.errors import RatError
from rat_modules.testing.compare import CLOSE, must_agree
from rat_modules.testing.derivatives import Function, check_first, check_second
from rat_modules.testing.memory import LAYOUTS, poisoned_memory
from rat_modules.testing.op_case import OpCase, numbers, results_and_slopes
from rat_modules.testing.op_dtypes import check_dtypes
from rat_modules.testing.probe import check_probe
from rat_modules.testing.report import ConformanceError, Report, run
from rat_modules.testing.sizes import axes, odd_sizes

DTYPES = (torch.float32, torch.bfloat16, torch.float64)


def check_op(
    op: Function,
    inputs: Sequence[Tensor],
    *,
    reference: Function | None = None,
    shapes: Sequence[str] | None = None,
    least: Mapping[str, int] | None = None,
    dtypes: Sequence[torch.dtype] = DTYPES,
    forward_mode: bool = False,
    skip: Mapping[str, str] | None = None,
) -> Report:
    """Check a function of tensors: values, dtypes, memory layouts, odd sizes, and derivatives to the second order.

    Args:
        op: called as op(*inputs); gives a tensor, or tensors in tuples, lists or dicts.
        inputs: small examples, best not zero; all that are of a floating-point type are differentiated.
        reference: the same function in plain torch operations, to compare with.
        shapes: einops words of every input, such as ("n c h w", "n c"): with them odd sizes are tried, and where
            an axis is called n an empty batch, with numbers like those of `inputs`.
        least: the smallest size of an axis, where that is not one: {"h": 2}.
        dtypes: in which to run; the result is to be of the same one.
        forward_mode: check forward-mode derivatives (torch.func.jvp) too.
        skip: properties that need not hold, and why.

    Returns:
        A report of what holds.

    Raises:
        ConformanceError: a property does not hold.
        RatError: no input can be differentiated, or there are not as many shapes as inputs.

    Example:
        >>> inputs = torch.randn(2, 3, 4), torch.randn(2, 3)
        >>> report = check_op(lambda x, gamma: x * gamma[:, :, None], inputs, shapes=("n c w", "n c"))
        >>> report.unchecked
        {'equal to the reference': 'no reference= was given'}
    """
    if not any(tensor.is_floating_point() for tensor in inputs):
        raise RatError("inputs of an op", got="none of a floating-point type", expected="at least one")
    if shapes is not None and len(shapes) != len(inputs):
        raise RatError("shapes of an op", got=f"{len(shapes)} for {len(inputs)} inputs", expected="as many of each")
    case = OpCase(op, tuple(inputs), reference, shapes, least or {}, dtypes, forward_mode)
    return run(getattr(op, "__name__", type(op).__name__), OP_PROPERTIES, case, skip)


def _agree(function: Function, other: Function, leaves: Sequence[Tensor], problem: str) -> None:
    ours, theirs = results_and_slopes(function, leaves), results_and_slopes(other, leaves)
    must_agree(ours[0], theirs[0], problem, CLOSE[torch.float64])
    must_agree(ours[1], theirs[1], f"{problem}, in its gradients", CLOSE[torch.float64])


def _inputs_kept(case: OpCase) -> None:
    for followed in (False, True):
        leaves = case.leaves()
        before = [leaf.detach().clone() for leaf in leaves]
        with torch.set_grad_enabled(followed):
            case.op(*leaves)
        for place, (now, then) in enumerate(zip(leaves, before, strict=True), start=1):
            must_agree(now, then, f"input {place} is changed in place", 0.0)


def _equal_to_reference(case: OpCase) -> str | None:
    if case.reference is None:
        return "no reference= was given"
    _agree(case.op, case.reference, case.leaves(), "the result is not that of the reference")
    return None


def _same_unfollowed(case: OpCase) -> None:
    for dtype in case.every_dtype():
        for leaves in case.examples(dtype):
            # other numbers of the same shapes: what was computed of the first must not be given out again
            others = [x.detach().mul(0.97).requires_grad_() if x.is_floating_point() else x for x in leaves]
            for given in (leaves, others):
                with torch.no_grad():
                    alone = case.op(*given)
                must_agree(alone, case.op(*given), "without gradients the result is another one", CLOSE[dtype])


def _each_alone(case: OpCase) -> None:
    together = results_and_slopes(case.op, case.leaves())[1]
    places = [place for place, leaf in enumerate(case.inputs) if leaf.is_floating_point()]
    for place, slope in zip(places, together, strict=True):
        leaves = [leaf if each == place else leaf.detach() for each, leaf in enumerate(case.leaves())]
        problem = f"input {place + 1} has another gradient where it alone requires one"
        must_agree(results_and_slopes(case.op, leaves)[1], [slope], problem, CLOSE[torch.float64])


def _layouts(case: OpCase) -> None:
    plain = results_and_slopes(case.op, case.leaves(layout=lambda x: x.clone(memory_format=torch.contiguous_format)))
    for name, layout in LAYOUTS.items():
        found = results_and_slopes(case.op, case.leaves(layout=layout))
        must_agree(found[0], plain[0], f"for inputs that are {name} in memory the result is another one", 1e-6)
        must_agree(found[1], plain[1], f"for inputs that are {name} in memory the gradients are others", 1e-6)


def _odd_sizes(case: OpCase) -> str | None:
    if case.shapes is None:
        return "no shapes= were given"
    for sizes in odd_sizes(case.shapes, case.least):
        leaves = case.leaves(sizes=sizes)
        if case.reference is not None:
            _agree(case.op, case.reference, leaves, f"for the sizes {sizes} the result is not that of the reference")
        try:
            check_first(case.op, leaves)
        except ConformanceError as error:
            raise ConformanceError(f"for the sizes {sizes} {error}") from error
    return None


def _empty_batch(case: OpCase) -> str | None:
    if case.shapes is None or "n" not in axes(case.shapes):
        return "no shapes= with an axis n were given"
    sizes = {name: max(3, case.least.get(name, 0)) for name in axes(case.shapes)} | {"n": 0}
    for dtype in case.every_dtype():
        leaves = case.leaves(dtype, sizes)
        results_and_slopes(case.reference or case.op, leaves)
        found, _ = results_and_slopes(case.op, leaves)
        if any(tensor.numel() for tensor in found):
            shapes = [tuple(tensor.shape) for tensor in found]
            raise ConformanceError(f"an empty batch gives results of shape {shapes}, expected none")
    return None


def _all_written(case: OpCase) -> None:
    for leaves in (leaves for dtype in case.every_dtype() for leaves in case.examples(dtype)):
        with poisoned_memory():
            found, slopes = results_and_slopes(case.op, leaves)
            with torch.no_grad():
                alone = numbers(case.op(*leaves))
        for name, parts in (("result", found), ("gradients", slopes), ("result without gradients", alone)):
            lost = sum(int(part.isnan().sum()) for part in parts)
            if lost:
                total = sum(part.numel() for part in parts)
                raise ConformanceError(f"{lost} of {total} numbers of the {name} are left unwritten in fresh memory")


def _first(case: OpCase) -> None:
    check_first(case.op, case.leaves(), forward_mode=case.forward_mode)


def _second(case: OpCase) -> None:
    check_second(case.op, case.leaves())


OP_PROPERTIES = {
    "inputs are left as they were": _inputs_kept,
    "every number is written": _all_written,
    "equal to the reference": _equal_to_reference,
    "same without gradients": _same_unfollowed,
    "layouts": _layouts,
    "odd sizes": _odd_sizes,
    "empty batch": _empty_batch,
    "dtypes": check_dtypes,
    "each input alone": _each_alone,
    "first derivative": _first,
    "weight gradients of a penalty": check_probe,
    "second derivative": _second,
}
