"""The adapter of one module: a forward hook that follows the text, and is the identity until it has learned.

The hook is a bound method, and the adapter a module: copies, pickles, averages and compilers follow it. A closure would
go on reading the weights of the original in every copy.
"""

from typing import Any

import torch
from torch import Tensor, nn

from rat_modules.errors import RetrofitError
from rat_modules.layers.affine import ConditionalAffine
from rat_modules.ops.affine_stages import spread
from rat_modules.retrofitting.conditioning import Conditioning, Shake
from rat_modules.retrofitting.recomputation import in_backward
from rat_modules.retrofitting.sites import Site


class Adapter(nn.Module):
    """Scales and shifts what one module of somebody's network gives.

    Args:
        sites: the steps at which the module runs, one per call, or one for all calls.
        hidden_dim: width d of the controller's hidden state.
        conditioning: where the hidden states are.
        once: refuse a second call within one forward.
    """

    def __init__(self, sites: list[Site], hidden_dim: int, conditioning: Conditioning, *, once: bool = False) -> None:
        super().__init__()
        self.name = sites[0].name
        self.channels = tuple(site.channels for site in sites)
        self.channel_dims = tuple(site.channel_dim for site in sites)
        self.steps = tuple(site.step for site in sites)
        self.conditioning = conditioning
        self.counted, self.count = once or len(sites) > 1, 0
        self.affines = nn.ModuleList(ConditionalAffine(channels, hidden_dim) for channels in self.channels)

    def hook(self, _module: nn.Module, _inputs: Any, output: Any) -> Any:
        """Forward hook of the module: what it gave, scaled and shifted as the condition says.

        Raises:
            RetrofitError: the output is not what the site was made for, or `Conditioning.state` refuses.
        """
        conditioning, call = self.conditioning, self.count % len(self.steps)
        closing = conditioning.closing()
        if closing is not None:
            if closing.shake is None:
                conditioning.reached(self.name, range(len(self.steps)))
                return output
            moved = self._shaken(output, call, closing.shake)
        else:
            self._refuse_recomputation()
            self._check(output, call)
            hidden = conditioning.state(self.name, self.steps[call], output)
            affine = self.affines[call]
            assert isinstance(affine, ConditionalAffine)
            # under autocast the recurrence may have been computed in half precision
            gamma, beta = affine.modulation(hidden.to(next(affine.parameters()).dtype))
            moved = modulate(output, gamma, beta, self.channel_dims[call])
        # not before: what was refused, in another thread for one, is no call
        conditioning.reached(self.name, [call])
        if self.counted and not in_backward():
            self.count += 1
        return moved

    def _refuse_recomputation(self) -> None:
        # calls are told apart by counting them, and a backward pass computes the last one first
        if len(self.steps) > 1 and in_backward():
            raise RetrofitError(
                f"site {self.name!r} is computed again in the backward pass, which loses count of its calls",
                hint="on_reuse='share', or no checkpointing around it",
            )

    def _check(self, output: Any, call: int) -> None:
        if not isinstance(output, Tensor):
            raise RetrofitError(
                f"site {self.name!r} gives no tensor", got=type(output).__name__, hint="name a module inside it"
            )
        if not output.is_floating_point():
            raise RetrofitError(f"output of site {self.name!r}", got=str(output.dtype), expected="floating point")
        place, channels = self.channel_dims[call], self.channels[call]
        if not -output.ndim < place < output.ndim or output.shape[place] != channels:
            raise RetrofitError(
                f"output of site {self.name!r}",
                got=tuple(output.shape),
                expected=f"{channels} channels in dimension {place}",
                hint="a module that is used with other widths needs example_inputs and on_reuse='per_call'",
            )

    def _shaken(self, output: Any, call: int, shake: Shake) -> Any:
        if (shake.name, shake.call) != (self.name, call):
            return output
        self._check(output, call)
        return modulate(output, shake.scale[None], shake.shift[None], self.channel_dims[call])

    def extra_repr(self) -> str:
        return f"{self.name!r}, step {', '.join(map(str, self.steps))}"


def modulate(x: Tensor, gamma: Tensor, beta: Tensor, channel_dim: int) -> Tensor:
    """gamma x + beta along any dimension, in the dtype, on the device and in the memory layout of `x`.

    Args:
        x: 'n ... c ...'.
        gamma, beta: 'n c'.
        channel_dim: where c lies.

    Example:
        >>> x = torch.ones(2, 5, 3)
        >>> modulate(x, torch.full((2, 3), 2.0), torch.zeros(2, 3), -1)[0, 0]
        tensor([2., 2., 2.])
    """
    gamma, beta = (
        spread(values.to(x.device, x.dtype), x.ndim).movedim(1, channel_dim) if x.ndim > 1 else values
        for values in (gamma, beta)
    )
    usual = x.is_contiguous() or (x.ndim == 4 and x.is_contiguous(memory_format=torch.channels_last))
    # where the dimensions leave a choice, torch lays a result out as its first operand lies
    moved = torch.addcmul(beta, x, gamma) if usual else x * gamma + beta
    if torch.compiler.is_compiling() or moved.stride() == x.stride():
        return moved
    places = zip(moved.stride(), x.stride(), x.shape, strict=True)
    # dimensions of one element may have any stride, but what comes after may ask for it
    alike = all(ours == theirs or size < 2 for ours, theirs, size in places)
    return moved.as_strided(x.shape, x.stride()) if alike else moved
