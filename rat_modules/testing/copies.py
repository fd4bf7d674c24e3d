"""Deep copies of a module, which an averaged generator is: weights of their own, whenever they are made."""

import copy
from textwrap import shorten

import torch

from rat_modules.testing.compare import must_agree
from rat_modules.testing.report import ConformanceError
from rat_modules.testing.subject import Subject, stir_weights


@torch.no_grad()
def own_copy(subject: Subject) -> None:
    """A deep copy has the same weights, and goes its own way when those of the original change."""
    # the original is never called: what it remembers of a call would be in every copy
    module = subject.module
    state = module.state_dict(keep_vars=True)
    kept = {name: tensor.detach().clone() for name, tensor in state.items()}
    first, second = copy.deepcopy(module).eval(), copy.deepcopy(module).eval()
    places = {tensor.untyped_storage().data_ptr() for tensor in state.values() if tensor.numel()}
    for name, tensor in first.state_dict().items():
        must_agree(tensor, kept[name], f"a deep copy has another {name!r}", 0.0)
        if tensor.numel() and tensor.untyped_storage().data_ptr() in places:
            raise ConformanceError(f"a deep copy shares the tensor {name!r} with the original")
    before = subject.results(first, subject.given(None))
    try:
        stir_weights(module, seed=1)
        after = subject.results(second, subject.given(None))
    finally:
        for name, tensor in kept.items():
            state[name].copy_(tensor)
    must_agree(after, before, "a deep copy follows the weights of the original", 1e-4)


def copied_later(subject: Subject) -> None:
    """A deep copy can be made after a call with gradients too, as where training begins to average its weights."""
    for training in (False, True):
        module = subject.fresh(None).train(training)
        subject.call(module, *subject.given(None, follow=True))
        try:
            copy.deepcopy(module)
        except Exception as error:
            said = shorten(str(error), 100)
            raise ConformanceError(
                "after a call with gradients no deep copy can be made, as it keeps what it computed: "
                f"{type(error).__name__}: {said}"
            ) from error
