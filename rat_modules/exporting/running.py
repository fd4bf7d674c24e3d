"""An exported file, opened: a function of noise and sentence."""

from collections.abc import Callable

from torch import Tensor

Run = Callable[[Tensor, Tensor], Tensor]  # noise 'n z', sentence 'n s' -> images 'n 3 h w', on the CPU
