"""Two layers with an op between them: are the weight gradients of a gradient penalty right?"""

from collections.abc import Callable

import torch
from torch import Tensor

from rat_modules.testing.compare import largest
from rat_modules.testing.derivatives import Function, check_penalty, penalty_gradients, same_penalty_gradients
from rat_modules.testing.op_case import OpCase, numbers
from rat_modules.testing.report import ConformanceError
from rat_modules.testing.trees import Tree, mapped


def check_probe(case: OpCase) -> None:
    """Compare them with those through the reference, and with finite differences of the penalty.

    An op whose backward cannot be followed gives the right penalty and wrong weight gradients, without a word. The op
    does not stand at the end of the network and its inputs are no leaves, as in a discriminator.

    Raises:
        ConformanceError: they are others.
    """
    leaves = case.leaves()
    wanted = [leaf for leaf in leaves if leaf.requires_grad]
    source = torch.Generator().manual_seed(1)

    def drawn(like: Tensor) -> Tensor:
        return torch.randn(like.shape, generator=source, dtype=torch.float64).to(like).requires_grad_()

    first = [drawn(leaf) for leaf in wanted]
    last = [drawn(out) for out in numbers(case.op(*case.leaves()))]
    weights = {f"the first layer's weight {place}": weight for place, weight in enumerate(first, start=1)}
    weights |= {f"the last layer's weight {place}": weight for place, weight in enumerate(last, start=1)}

    def through(function: Function) -> Callable[[], Tensor]:
        def logit() -> Tensor:
            weight = iter(first)  # factors near one keep the inputs within whatever the op is defined for
            mixed = [leaf * (1 + 0.2 * next(weight).tanh()) if leaf.requires_grad else leaf for leaf in leaves]
            return torch.stack(
                [(w * out.square()).sum() for w, out in zip(last, numbers(function(*mixed)), strict=True)]
            ).sum()

        return logit

    if case.reference is not None:
        ours = penalty_gradients(through(case.op), wanted, weights)[1]
        apart = same_penalty_gradients(ours, penalty_gradients(through(case.reference), wanted, weights)[1])
        if not apart <= 1e-6:
            raise ConformanceError(
                "weight gradients of a gradient penalty through the op are not those through the reference: "
                f"relative difference {apart:.3g}, expected at most 1e-06"
            )
    check_penalty(through(case.op), wanted, weights, step=1e-5)
    if torch.float32 in case.dtypes:  # in half precision there is too much rounding to tell
        exact = penalty_gradients(through(case.op), wanted, weights)[1]
        single = penalty_gradients(through(_in_single(case.op)), wanted, weights)[1]
        apart = same_penalty_gradients(single, exact, least=largest(list(exact.values())))
        if not apart <= 1e-3:
            raise ConformanceError(
                "weight gradients of a gradient penalty through the op in torch.float32 are not those in "
                f"torch.float64: relative difference {apart:.3g}, expected at most 0.001"
            )


def _in_single(op: Function) -> Function:
    def cast(tree: Tree, dtype: torch.dtype) -> Tree:
        return mapped(lambda tensor: tensor.to(dtype) if tensor.is_floating_point() else tensor, tree)

    return lambda *inputs: cast(op(*cast(inputs, torch.float32)), torch.float64)
