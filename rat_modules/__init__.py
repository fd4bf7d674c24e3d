"""Reusable, fast PyTorch building blocks for text-to-image GANs.

Public names are imported when they are first used, so that `import rat_modules` imports no torch.

Example:
    >>> import rat_modules
    >>> "RecurrentAffine" in dir(rat_modules)
    True
"""

import importlib
from typing import TYPE_CHECKING

from rat_modules.errors import (
    CheckpointError,
    DataError,
    PluginError,
    RatError,
    RecipeError,
    RetrofitError,
    ShapeError,
    TrainingError,
    UnknownNameError,
)

if TYPE_CHECKING:
    from rat_modules.assembly import Assembly, assemble, load
    from rat_modules.layers.affine import ConditionalAffine
    from rat_modules.layers.attention import SoftThresholdAttention
    from rat_modules.layers.controller import RecurrentController
    from rat_modules.layers.recurrent_affine import RecurrentAffine
    from rat_modules.losses.magp_hinge import MAGPHingeLoss
    from rat_modules.registry.hookspecs import hookimpl
    from rat_modules.retrofitting import load_retrofit, retrofit

__version__ = "0.1.0"

# where each public name lives; a test holds this table equal to the imports above
_HOMES = {
    "Assembly": "rat_modules.assembly",
    "assemble": "rat_modules.assembly",
    "load": "rat_modules.assembly",
    "ConditionalAffine": "rat_modules.layers.affine",
    "SoftThresholdAttention": "rat_modules.layers.attention",
    "RecurrentController": "rat_modules.layers.controller",
    "RecurrentAffine": "rat_modules.layers.recurrent_affine",
    "MAGPHingeLoss": "rat_modules.losses.magp_hinge",
    "hookimpl": "rat_modules.registry.hookspecs",
    "load_retrofit": "rat_modules.retrofitting",
    "retrofit": "rat_modules.retrofitting",
}

__all__ = [
    "Assembly",
    "CheckpointError",
    "ConditionalAffine",
    "DataError",
    "MAGPHingeLoss",
    "PluginError",
    "RatError",
    "RecipeError",
    "RecurrentAffine",
    "RecurrentController",
    "RetrofitError",
    "ShapeError",
    "SoftThresholdAttention",
    "TrainingError",
    "UnknownNameError",
    "__version__",
    "assemble",
    "hookimpl",
    "load",
    "load_retrofit",
    "retrofit",
]


if not TYPE_CHECKING:  # for a type checker, every name would be there

    def __getattr__(name: str) -> object:
        if name not in _HOMES:
            raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
        found = getattr(importlib.import_module(_HOMES[name]), name)
        globals()[name] = found
        return found


def __dir__() -> list[str]:
    return sorted({*globals(), *_HOMES})
