"""One quiet look at a network at work: which sites run, in which order, on what features."""

import random
import sys
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any, NamedTuple

import torch
from torch import Tensor, nn

from rat_modules.errors import RetrofitError


class Call(NamedTuple):
    """One run of a module: its dotted name, and the shape of what it gave, or None where that is no tensor."""

    name: str
    shape: tuple[int, ...] | None
    gave: str


@contextmanager
def quiet(model: nn.Module) -> Iterator[None]:
    """Run a network and leave no trace: evaluation mode, no gradients; modes, buffers and random numbers come back."""
    modes = {module: module.training for module in model.modules()}
    buffers = [
        (module, name, buffer, None if buffer is None else buffer.clone())
        for module in model.modules()
        for name, buffer in module._buffers.items()
    ]
    devices = sorted({each.device.index for each in (*model.parameters(), *model.buffers()) if each.is_cuda})
    for module in modes:  # not eval(), which others may have made to do more
        module.training = False
    try:
        with torch.no_grad(), torch.random.fork_rng(devices), _python_random():
            yield
    finally:
        for module, mode in modes.items():
            module.training = mode
        for module, name, buffer, value in buffers:
            module._buffers[name] = buffer
            if buffer is not None and value is not None:
                # where a network was made decides where its buffers can be written to
                with torch.no_grad(), torch.inference_mode(buffer.is_inference()):
                    buffer.copy_(value)


@contextmanager
def _python_random() -> Iterator[None]:
    state, numpy = random.getstate(), sys.modules.get("numpy")
    arrays = numpy.random.get_state() if numpy is not None else None
    try:
        yield
    finally:
        random.setstate(state)
        if numpy is not None:
            numpy.random.set_state(arrays)


def caller(example_inputs: Any) -> Callable[[nn.Module], Any]:
    """How to call a network with a tensor, a tuple of arguments, a dict of keywords, or a function of the network.

    Example:
        >>> call = caller((torch.ones(2, 3),))
        >>> call(nn.Identity()).shape
        torch.Size([2, 3])
    """
    if isinstance(example_inputs, Mapping):
        return lambda model: model(**example_inputs)
    if isinstance(example_inputs, tuple | list):
        return lambda model: model(*example_inputs)
    if callable(example_inputs) and not isinstance(example_inputs, nn.Module):
        return lambda model: example_inputs(model)
    return lambda model: model(example_inputs)


def observe(model: nn.Module, sites: list[tuple[str, nn.Module]], example_inputs: Any) -> list[Call]:
    """Every call of the given modules in one forward of the network, in the order in which they end.

    Raises:
        RetrofitError: the network cannot take these inputs.
    """
    calls: list[Call] = []

    def note(name: str) -> Callable[[nn.Module, Any, Any], None]:
        def hook(_module: nn.Module, _inputs: Any, output: Any) -> None:
            shape = tuple(output.shape) if isinstance(output, Tensor) else None
            calls.append(Call(name, shape, type(output).__name__))

        return hook

    handles = [module.register_forward_hook(note(name)) for name, module in sites]
    try:
        with quiet(model):
            caller(example_inputs)(model)
    except Exception as error:
        reason = f"{type(error).__name__} {error}".partition("\n")[0]
        raise RetrofitError(
            "the network does not run with example_inputs",
            got=reason,
            hint="give a tuple of its arguments, a dict of its keywords, or a function that calls it",
        ) from error
    finally:
        for handle in handles:
            handle.remove()
    return calls
