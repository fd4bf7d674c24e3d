"""What a number was measured with; a number without it is worth nothing."""

import os
import platform
from importlib.metadata import PackageNotFoundError, version

import torch

from rat_modules import __version__
from rat_modules.registry import plugin_states


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


def packages() -> str:
    """Versions of what makes pictures and features beside torch, and of every plugin that is loaded.

    Example:
        >>> "pillow" in packages()
        True
    """
    found = []
    for name in ("pillow", "numpy", "torch-fidelity"):
        try:
            found.append(f"{name} {version(name)}")
        except PackageNotFoundError:  # torch-fidelity need not be there
            continue
    plugins = {state.source for state in plugin_states() if state.state == "loaded"} - {"rat-modules"}
    return ", ".join([*found, *sorted(plugins)])
