"""Does an op give in every dtype what it gives in float64: the same results, and the same gradients?"""

from collections.abc import Sequence

import torch
from torch import Tensor

from rat_modules.testing.compare import CLOSE, largest, must_agree
from rat_modules.testing.memory import LAYOUTS
from rat_modules.testing.op_case import OpCase, numbers, results_and_slopes
from rat_modules.testing.report import ConformanceError


def check_dtypes(case: OpCase) -> None:
    """Compare results and gradients with those in float64, for every example and in every layout.

    A kernel may know one dtype only, and everything else be torch's: derivatives are measured in float64.

    Raises:
        ConformanceError: a result has another dtype, or other numbers.
    """
    usual = [largest(each) for each in results_and_slopes(case.op, case.leaves())]
    for dtype in case.dtypes:
        placed = [("", leaves) for leaves in case.examples(dtype)]
        placed += [(f" that are {name} in memory", case.leaves(dtype, layout=lay)) for name, lay in LAYOUTS.items()]
        for where, leaves in placed:
            found = numbers(case.op(*leaves))
            for tensor in found:
                if tensor.dtype != dtype:
                    raise ConformanceError(f"for {dtype} inputs the result is {tensor.dtype}, expected {dtype}")
            if dtype != torch.float64:  # what float64 gives is compared with the reference and with plain memory
                shapes = ", ".join(str(tuple(leaf.shape)) for leaf in leaves)
                _compare(case, leaves, dtype, f"for inputs of {shapes}{where}", usual)


def _compare(case: OpCase, leaves: Sequence[Tensor], dtype: torch.dtype, where: str, usual: list[float]) -> None:
    wide = [leaf.detach().double().requires_grad_() if leaf.is_floating_point() else leaf for leaf in leaves]
    (found, slopes), (exact, right) = results_and_slopes(case.op, leaves), results_and_slopes(case.op, wide)
    # a number that is zero in truth is rounding: all are measured by the largest
    least = [max(0.1 * often, largest(each)) for often, each in zip(usual, (exact, right), strict=True)]
    must_agree(found, exact, f"in {dtype} the result is another one, {where}", CLOSE[dtype], least=least[0])
    if CLOSE[dtype] > 1e-3:
        right = [_without_kinks(*pair) for pair in zip(slopes, right, strict=True)]
    must_agree(slopes, right, f"in {dtype} the gradients are others, {where}", CLOSE[dtype], least=least[1])


def _without_kinks(found: Tensor, right: Tensor) -> Tensor:
    # in half precision rounding pushes a few numbers over the kink of a rectifier: the worst do not count
    apart = (found.double() - right).abs().flatten()
    allowed = min(max(1, apart.numel() // 50), apart.numel() - 1)
    if allowed < 1 or not apart.isfinite().all():
        return right
    mended = right.flatten().clone()
    worst = apart.topk(allowed).indices
    mended[worst] = found.double().flatten()[worst]
    return mended.view_as(right)
