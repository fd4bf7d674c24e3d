"""Where to compute."""

import re

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
    # torch knows others; "meta" would take anything and compute nothing
    if name.partition(":")[0] not in KINDS:
        raise RatError("--device", got=name, expected=" or ".join(KINDS))
    try:
        device = torch.device(name)
        torch.empty(1, device=device)
    except (RuntimeError, AssertionError) as error:
        reason = re.split(r"\.(?:\s|$)|\n", str(error), maxsplit=1)[0]  # torch goes on about all that it knows
        raise RatError("--device", got=f"{name} ({reason})", expected="a device of this machine") from error
    return device
