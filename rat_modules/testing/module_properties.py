"""What every module promises, whatever its kind: no memory between calls, no company in a batch, weights of its own."""

import copy

import torch
from safetensors.torch import load, save
from torch import Tensor, nn

from rat_modules.testing.compare import CLOSE, must_agree, ordinal
from rat_modules.testing.report import ConformanceError
from rat_modules.testing.subject import Subject, stir_weights
from rat_modules.testing.trees import tensors

_TIGHT = CLOSE[torch.float64]


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


@torch.no_grad()
def survives_a_file(subject: Subject) -> None:
    """The state dict has every tensor once, and gives the same function back."""
    module, twin = subject.fresh(None), subject.fresh(None, seed=1)
    state, owners = module.state_dict(), dict[int, str]()
    for name, tensor in state.items():
        other = owners.setdefault(tensor.untyped_storage().data_ptr(), name) if tensor.numel() else name
        if other != name:
            raise ConformanceError(f"one tensor has two names in the state dict, {other!r} and {name!r}")
    twin.load_state_dict(load(save({name: tensor.detach().contiguous() for name, tensor in state.items()})))
    expected = subject.results(module, subject.given(None))
    must_agree(subject.results(twin, subject.given(None)), expected, "weights from a file give other results", 1e-4)


def inputs_kept(subject: Subject) -> None:
    """No input is changed in place."""
    module, inputs = subject.fresh(), subject.given()
    before = [tensor.clone() for tensor in tensors(inputs)]
    with torch.no_grad():
        subject.call(module, *inputs)
    for place, (now, then) in enumerate(zip(tensors(inputs), before, strict=True), start=1):
        must_agree(now, then, f"input {place} is changed in place", 0.0)


@torch.no_grad()
def no_memory(subject: Subject) -> None:
    """The same inputs give the same results, whatever was computed in between, and no buffer changes."""
    one, other, inputs = subject.fresh(), subject.fresh(), subject.given()
    rolled = subject.chosen(inputs, [*range(1, subject.batch), 0])
    before = {name: tensor.clone() for name, tensor in one.state_dict().items()}
    first, second = subject.results(one, inputs), subject.results(one, rolled)
    again, fresh = subject.results(one, inputs), subject.results(other, rolled)
    must_agree(again, first, "the same inputs give other results the next time", _TIGHT)
    must_agree(second, fresh, "a result depends on the inputs of the call before", _TIGHT)
    for name, tensor in one.state_dict().items():
        must_agree(tensor, before[name], f"a call in evaluation mode changes {name!r}", 0.0)


@torch.no_grad()
def no_company(subject: Subject) -> None:
    """A sample is the same alone, among others, and in another order."""
    module, inputs = subject.fresh(), subject.given()
    whole = subject.results(module, inputs)
    for tensor in whole:
        if tensor.ndim <= subject.out_batch_dim or tensor.shape[subject.out_batch_dim] != subject.batch:
            got = f"a result of shape {tuple(tensor.shape)} for a batch of {subject.batch}"
            raise ConformanceError(f"{got}: dimension {subject.out_batch_dim} is not the batch")
    for index in range(subject.batch):
        alone = subject.results(module, subject.chosen(inputs, [index]))
        among = subject.result_samples(whole, [index])
        problem = f"the {ordinal(index)} {subject.sample} depends on its company in the batch"
        must_agree(alone, among, problem, _TIGHT)
    order = [*range(1, subject.batch), 0]
    shuffled = subject.results(module, subject.chosen(inputs, order))
    problem = f"a {subject.sample} depends on its place in the batch"
    must_agree(shuffled, subject.result_samples(whole, order), problem, _TIGHT)


def same_unfollowed(subject: Subject) -> None:
    """Results with and without gradients are the same."""
    module, inputs = subject.fresh(), subject.given()
    followed = subject.results(module, subject.given(follow=True))
    with torch.no_grad():
        alone = subject.results(module, inputs)
    must_agree(alone, followed, "without gradients the results are others", _TIGHT)


def every_weight_learns(subject: Subject) -> None:
    """Gradients reach every parameter that is to be trained, and are finite."""
    idle: set[str] | None = None
    for seed in range(3):  # a rectifier may be shut by chance
        module = subject.fresh(seed=seed)
        _summed(subject.results(module, subject.given())).backward()
        named = [(name, weight) for name, weight in module.named_parameters() if weight.requires_grad]
        for name, weight in named:
            if weight.grad is not None and not weight.grad.isfinite().all():
                raise ConformanceError(f"the gradient of {name!r} is not finite")
        still = {name for name, weight in named if weight.grad is None or not weight.grad.any()}
        idle = still if idle is None else idle & still
        if not idle:
            return
    raise ConformanceError(f"no gradient reaches {', '.join(repr(name) for name in sorted(idle or ()))}")


def _summed(results: list[Tensor]) -> Tensor:
    found = [each for each in results if each.requires_grad]
    if not found:
        raise ConformanceError("no gradient reaches any parameter: the results do not depend on one that is trained")
    return torch.stack(
        [(each * torch.linspace(-1, 1.5, each.numel()).to(each).view_as(each)).sum() for each in found]
    ).sum()


@torch.no_grad()
def dtypes(subject: Subject) -> None:
    """In float32, float64 and bfloat16 the results are of that type, and close to those in float64."""
    exact = subject.results(subject.fresh(), subject.given())
    for dtype in (torch.float32, torch.float64, torch.bfloat16):
        found = subject.results(subject.fresh(dtype), subject.given(dtype))
        for tensor in found:
            if tensor.is_floating_point() and tensor.dtype != dtype:
                raise ConformanceError(f"a module and inputs in {dtype} give {tensor.dtype}, expected {dtype}")
        _close(found, exact, dtype)


def _close(found: list[Tensor], exact: list[Tensor], dtype: torch.dtype) -> None:
    # rounding adds up through a deep network, and differs from number to number: the whole is compared
    for ours, theirs in zip(found, exact, strict=True):
        apart = float((ours.double() - theirs.double()).norm() / theirs.double().norm().clamp(min=1e-12))
        if not apart <= 3 * CLOSE[dtype]:
            raise ConformanceError(f"in {dtype} the results are off by {apart:.3g} of their size")


def both_modes(subject: Subject) -> None:
    """train() and eval() reach every part; training gives finite results, and leaves evaluation usable."""
    module = subject.fresh()
    for training in (True, False):
        module.train(training)
        wrong = [name or "itself" for name, each in module.named_modules() if each.training is not training]
        if wrong:
            raise ConformanceError(f"train({training}) leaves {wrong[0]!r} in the other mode")
        for tensor in subject.results(module, subject.given()):
            if not tensor.isfinite().all():
                raise ConformanceError(f"results after train({training}) are not finite")


MODULE_PROPERTIES = {
    "a deep copy is its own": own_copy,
    "training and evaluation mode": both_modes,
    "inputs are left as they were": inputs_kept,
    "no memory between calls": no_memory,
    "no company in the batch": no_company,
    "same without gradients": same_unfollowed,
    "weights survive a file": survives_a_file,
    "every weight learns": every_weight_learns,
    "dtypes": dtypes,
}


def check_module_type(module: object, kind: str) -> None:
    """Raise a ConformanceError for what is no torch module."""
    if not isinstance(module, nn.Module):
        raise ConformanceError(f"{kind}: got {type(module).__name__}, expected a torch.nn.Module", property="module")
