"""What every module promises, whatever its kind: no memory between calls, no company in a batch, weights of its own."""

import torch
from torch import Tensor, nn

from rat_modules.testing.compare import CLOSE, must_agree, ordinal
from rat_modules.testing.copies import copied_later, own_copy
from rat_modules.testing.files import nothing_lost, survives_a_file
from rat_modules.testing.report import ConformanceError
from rat_modules.testing.subject import Subject
from rat_modules.testing.trees import tensors

_TIGHT = CLOSE[torch.float64]


def seeds_nothing(subject: Subject) -> None:
    """Random numbers drawn after a call are others after another seed."""
    for training in (False, True):
        module, states = subject.fresh().train(training), []
        with torch.random.fork_rng(devices=[]), torch.no_grad():
            for seed in (1, 2):
                torch.manual_seed(seed)
                subject.call(module, *subject.given())
                states.append(torch.get_rng_state())
        if torch.equal(*states):
            raise ConformanceError("a call seeds torch: what is drawn at random after it is the same every time")


def inputs_kept(subject: Subject) -> None:
    """No input is changed in place, in evaluation or in training."""
    for mode in ("evaluation", "training"):
        module, inputs = subject.fresh().train(mode == "training"), subject.given()
        before = [tensor.clone() for tensor in tensors(inputs)]
        with torch.no_grad():
            subject.call(module, *inputs)
        for place, (now, then) in enumerate(zip(tensors(inputs), before, strict=True), start=1):
            must_agree(now, then, f"input {place} is changed in place in {mode} mode", 0.0)


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
    """Gradients reach every parameter that is to be trained, and are finite; in training they may be zero."""
    for training in (False, True):
        idle: set[str] | None = None
        for seed in range(8):  # a rectifier may be shut by chance, and a branch be dropped
            still = _idle(subject.fresh(seed=seed).train(training), subject)
            idle = still if idle is None else idle & still
            if not idle:
                break
        else:
            mode = " in training mode" if training else ""
            raise ConformanceError(f"no gradient reaches {', '.join(repr(name) for name in sorted(idle or ()))}{mode}")


def _idle(module: nn.Module, subject: Subject) -> set[str]:
    total = _summed(subject.results(module, subject.given()))
    if total is not None:
        total.backward()
    named = [(name, weight) for name, weight in module.named_parameters() if weight.requires_grad]
    for name, weight in named:
        if weight.grad is not None and not weight.grad.isfinite().all():
            raise ConformanceError(f"the gradient of {name!r} is not finite")
    # a norm over the batch takes the bias before it out of training: that gradient is zero, and is there
    return {name for name, weight in named if weight.grad is None or not (module.training or weight.grad.any())}


def _summed(results: list[Tensor]) -> Tensor | None:
    found = [each for each in results if each.requires_grad]
    return (
        torch.stack(
            [(each * torch.linspace(-1, 1.5, each.numel()).to(each).view_as(each)).sum() for each in found]
        ).sum()
        if found
        else None
    )


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
    "a deep copy after a call": copied_later,
    "no memory between calls": no_memory,
    "no company in the batch": no_company,
    "same without gradients": same_unfollowed,
    "random numbers go on": seeds_nothing,
    "weights survive a file": survives_a_file,
    "nothing is left out of a file": nothing_lost,
    "every weight learns": every_weight_learns,
    "dtypes": dtypes,
}


def check_module_type(module: object, kind: str) -> None:
    """Raise a ConformanceError for what is no torch module."""
    if not isinstance(module, nn.Module):
        raise ConformanceError(f"{kind}: got {type(module).__name__}, expected a torch.nn.Module", property="module")
