"""The recurrent affine transformation as one layer with the calling convention of `torch.nn.LSTMCell`."""

from typing import TYPE_CHECKING, Any, Self

from torch import Tensor, nn

from rat_modules.errors import ShapeError
from rat_modules.layers.affine import ConditionalAffine
from rat_modules.layers.cells import Cell, State
from rat_modules.layers.controller import RecurrentController, copy_module, follow_copy


class RecurrentAffine(nn.Module):
    """A conditional affine whose condition passes through a recurrent controller (RAT-GAN, arXiv 2204.10482).

    Hand the state that one layer returns to the next one, and all of them are joined by one recurrence. Layers that
    share a `controller` do not own it: register it once, in the module that holds the layers. A deep copy of a layer
    shares the very same controller, and a deep copy of the module that holds both shares the copied one. Pickling a
    layer takes its controller along: pickle the module that holds both.

    Args:
        num_features: channels c of x.
        cond_dim: width s of the condition.
        hidden_dim: width d of the hidden state; the controller's own when one is given.
        cell: "lstm", "gru" or "none"; not used when a controller is given.
        controller: a RecurrentController to share; None makes an own one.

    Raises:
        ShapeError: the shared controller takes another condition width, or a width is no whole number from 1 on.

    Example:
        >>> import torch
        >>> layer = RecurrentAffine(num_features=64, cond_dim=256)
        >>> y, state = layer(torch.randn(2, 64, 8, 8), torch.randn(2, 256))
        >>> y, state = layer(y, torch.randn(2, 256), state)
        >>> y.shape
        torch.Size([2, 64, 8, 8])
    """

    def __init__(
        self,
        num_features: int,
        cond_dim: int,
        *,
        hidden_dim: int = 256,
        cell: str | type[Cell] = "lstm",
        controller: RecurrentController | None = None,
    ) -> None:
        super().__init__()
        if controller is not None and not isinstance(controller, RecurrentController):
            raise ShapeError("shared controller", got=type(controller).__name__, expected="a RecurrentController")
        if controller is not None and controller.cond_dim != cond_dim:
            got = f"cond_dim {controller.cond_dim}"
            raise ShapeError("shared controller", got=got, expected=f"cond_dim {cond_dim}")
        # A tuple keeps a shared controller out of this module's parameters, so that its tensors have one owner.
        self._shared: tuple[RecurrentController, ...] = () if controller is None else (controller,)
        self.own_controller = None if self._shared else RecurrentController(cond_dim, hidden_dim=hidden_dim, cell=cell)
        self.affine = ConditionalAffine(num_features, self.controller.hidden_dim)

    def __deepcopy__(self, memo: dict[Any, Any]) -> Self:
        twin = copy_module(self, {**self.__getstate__(), "_shared": ()}, memo)
        twin._shared = self._shared
        for controller in self._shared:
            follow_copy(controller, lambda copied: setattr(twin, "_shared", (copied,)), memo)
        return twin

    @property
    def controller(self) -> RecurrentController:
        """The controller in use, own or shared."""
        return self.own_controller or self._shared[0]

    def forward(self, x: Tensor, condition: Tensor, state: State | None = None) -> tuple[Tensor, State]:
        """Modulate features.

        Args:
            x: 'n c ...'.
            condition: 'n s'.
            state: from `controller.initial_state(noise)` or from the layer before; None starts from zero.

        Returns:
            Features 'n c ...', and the state for the next layer.

        Raises:
            ShapeError: x, condition or state does not fit.
        """
        hidden, state = self.controller.step(condition, state)
        return self.affine(x, hidden), state

    if TYPE_CHECKING:  # a call has the types of forward
        __call__ = forward
