"""What a number was measured with; a number without it is worth nothing."""

import os
import platform

import torch

from rat_modules import __version__


def stamp(device: torch.device | str) -> dict[str, str]:
    """Return versions and device as text.

    Example:
        >>> sorted(stamp("cpu"))
        ['device', 'python', 'rat_modules', 'torch']
    """
    device = torch.device(device)
    if device.type == "cuda":
        name = torch.cuda.get_device_name(device)
    else:
        name = f"cpu {platform.machine()}, {torch.get_num_threads()} threads of {os.cpu_count()} cores"
    return {
        "rat_modules": __version__,
        "torch": torch.__version__,
        "python": platform.python_version(),
        "device": name,
    }
