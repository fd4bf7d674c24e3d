"""A pretrained network inside a module that is saved: identified by a hash, not copied."""

from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor, nn

from rat_modules.errors import CheckpointError


class Frozen(nn.Module):
    """A module around a pretrained network that is neither trained nor saved with it.

    The network is no submodule: it has no place among the parameters, `train()` does not reach it, and what is saved is
    its hash. Where a saved model is loaded beside another network, that is refused. It follows the module from device
    to device and is float32 everywhere.

    Args:
        network: any module.
        sha256: 64 hexadecimal digits that tell its weights from others.

    Example:
        >>> frozen = Frozen(nn.Linear(2, 2), "00" * 32)
        >>> list(frozen.parameters()), list(frozen.state_dict())
        ([], ['fingerprint'])
    """

    network: Any
    fingerprint: Tensor

    def __init__(self, network: nn.Module, sha256: str) -> None:
        super().__init__()
        # past nn.Module's own __setattr__, which would make a submodule of it
        object.__setattr__(self, "network", network.eval().float().requires_grad_(False))
        self.register_buffer("fingerprint", torch.tensor(list(bytes.fromhex(sha256)), dtype=torch.uint8))

    @property
    def device(self) -> torch.device:
        """Where the network is."""
        return self.fingerprint.device

    def _apply(self, fn: Callable[[Tensor], Tensor], recurse: bool = True) -> "Frozen":
        super()._apply(fn, recurse)
        self.network.to(self.device)  # the place only: rounded to half, it would be another network
        return self

    def _load_from_state_dict(self, state_dict: dict[str, Tensor], prefix: str, *rest: Any) -> None:
        saved = state_dict.get(prefix + "fingerprint")
        if saved is not None and not torch.equal(saved.cpu(), self.fingerprint.cpu()):
            raise CheckpointError(
                f"pretrained weights of {type(self).__name__}",
                got=f"sha256 {_digits(self.fingerprint)}",
                expected=f"{_digits(saved)}, those that the saved model was trained with",
                hint="name them in the [text_encoder] of its recipe.toml",
            )
        super()._load_from_state_dict(state_dict, prefix, *rest)


def _digits(fingerprint: Tensor) -> str:
    return bytes(fingerprint.flatten().tolist()).hex()
