"""Files of a model on the Hub, fetched or found in the cache."""

from pathlib import Path
from typing import Any

from huggingface_hub import snapshot_download
from huggingface_hub.errors import HFValidationError, HTTPError  # type: ignore[attr-defined]  # its client's own

from rat_modules.errors import CheckpointError
from rat_modules.hub.answers import reason
from rat_modules.hub.naming import is_path

FILES = ("recipe.toml", "*.safetensors")
EXPECTED = "a folder, or owner/name of a model on the Hub that can be reached or lies in the cache"


def found(model: str, *, revision: str | None, **where: Any) -> Path:
    """Where a model lies on this machine.

    Args:
        model: a folder or file that is there, or "owner/name".
        revision: branch, tag or commit.
        where: how `huggingface_hub.snapshot_download` is to fetch it.

    Raises:
        CheckpointError: there is no such folder or model, or it cannot be reached.
    """
    what = f"model {model!r}" + (f", revision {revision!r}" if revision else "")
    try:
        if Path(model).exists():
            return Path(model)
        if is_path(model):  # of which the Hub's own library would only say that it is no name
            raise CheckpointError(what, got=f"no folder {model}", expected=EXPECTED)
        return Path(
            snapshot_download(model, revision=revision, allow_patterns=[*FILES], ignore_patterns=["*/*"], **where)
        )
    except CheckpointError:
        raise
    except (HFValidationError, HTTPError, OSError, ValueError) as error:
        raise CheckpointError(what, got=reason(error), expected=EXPECTED) from error
