"""Where to compute."""

import torch

from rat_modules.errors import RatError

KINDS = ("cpu", "cuda", "mps")


def choose_device(name: str | None) -> torch.device:
    """The device of that name, or the best there is.

    Raises:
        RatError: it is not there.
    """
    if name is None:
        return torch.device("cuda" if torch.cuda.is_available() else "cpu")
    try:
        device = torch.device(name)
        if device.type not in KINDS:  # "meta" would take anything and compute nothing
            raise RatError("--device", got=name, expected=" or ".join(KINDS))
        torch.empty(1, device=device)
    except (RuntimeError, AssertionError) as error:
        reason = str(error).splitlines()[0]
        raise RatError("--device", got=f"{name} ({reason})", expected="a device of this machine") from error
    return device
