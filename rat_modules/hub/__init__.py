"""The habits of the Hugging Face Hub: `save_pretrained`, `from_pretrained`, `push_to_hub` (extra `hub`).

Example:
    >>> from rat_modules.hub import PretrainedAssembly
    >>> PretrainedAssembly.__mro__[1].__name__
    'Assembly'
"""

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from rat_modules.hub.pretrained import PretrainedAssembly

__all__ = ["PretrainedAssembly"]


if not TYPE_CHECKING:  # for a type checker, every name would be there

    def __getattr__(name: str) -> object:
        if name != "PretrainedAssembly":
            raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
        try:
            from rat_modules.hub.pretrained import PretrainedAssembly
        except ImportError as error:
            raise ImportError(f"{error}; pip install 'rat-modules[hub]'") from error
        return PretrainedAssembly
