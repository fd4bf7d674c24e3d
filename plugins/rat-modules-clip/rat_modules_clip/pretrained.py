"""Read one half of a CLIP model, whole or not at all."""

import hashlib
import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import torch
from torch import nn

from rat_modules.errors import CheckpointError, RatError

DEFAULT = "openai/clip-vit-base-patch32"
_ID = re.compile(r"\w[\w.-]*(/\w[\w.-]*)?")


def pretrained(half: str, model: str, revision: str | None, *, what: str) -> Any:
    """Let a class of transformers read a folder, or a model of the hub from its cache or from the network.

    Args:
        half: name of the class.
        model: folder that `save_pretrained` wrote, or id of a model on the hub.
        revision: branch, tag or commit on the hub.
        what: who needs it, for the messages.

    Raises:
        RatError: transformers is not installed, or there is neither folder, nor cached copy, nor network.
        CheckpointError: what is there is damaged, or no CLIP.
    """
    try:
        import transformers
    except ImportError as error:
        raise RatError(
            f"{what} needs the package transformers", got=str(error), hint="pip install transformers"
        ) from error
    folder = Path(model).expanduser()
    if folder.is_dir() and revision is None:
        source, attempts = str(folder), [{"local_files_only": True}]
    elif _ID.fullmatch(model) and not folder.is_dir():
        # the cache first: what was fetched once stays the same, and is there without a network
        source, attempts = model, [{"local_files_only": True, "revision": revision}, {"revision": revision}]
    else:
        got = f"{model!r}, a folder, with revision {revision}" if folder.is_dir() else f"no folder {model}"
        raise RatError("CLIP model", got=got, expected="a folder that save_pretrained wrote, or an id of the hub")
    more = {"dtype": torch.float32, "output_loading_info": True} if "Model" in half else {}
    try:
        with _quiet():
            read = _first(getattr(transformers, half).from_pretrained, source, [{**one, **more} for one in attempts])
    except Exception as error:  # whatever reading raises in any of its libraries
        reason = f"{type(error).__name__} {error}".partition("\n")[0]
        if folder.is_dir():
            raise CheckpointError(
                f"CLIP model in {folder} cannot be read", got=reason, expected="a folder that save_pretrained wrote"
            ) from error
        raise RatError(
            f"CLIP model {model!r} is not in the cache of the hub, and not to be had from it",
            got=reason,
            hint=f"where there is a network: hf download {model}; else set model to a folder",
        ) from error
    if not isinstance(read, tuple):
        return read
    network, report = read
    # transformers would go on with weights drawn at random, and a warning
    if trouble := sorted(map(str, report["missing_keys"])) + sorted(map(str, report["mismatched_keys"])):
        raise CheckpointError(f"CLIP model {model!r} is not whole", got=f"no fitting {trouble[0]}", expected="a CLIP")
    return network


def weights_sha256(network: nn.Module) -> str:
    """Hash of a network's names, shapes and float32 numbers, however they lay in files."""
    digest = hashlib.sha256()
    for name, tensor in sorted(network.state_dict().items()):
        digest.update(f"{name} {tuple(tensor.shape)}\n".encode())
        digest.update(tensor.detach().float().cpu().contiguous().numpy().data)
    return digest.hexdigest()


def _first(read: Callable[..., Any], source: str, attempts: list[dict[str, Any]]) -> Any:
    for options in attempts[:-1]:
        try:
            return _complete(read(source, **options))
        except OSError:  # not in the cache
            continue
    return _complete(read(source, **attempts[-1]))


def _complete(found: Any) -> Any:
    # where the files of a tokenizer are missing, transformers makes one that knows no word, and says nothing
    if hasattr(found, "all_special_ids") and len(found) <= len(set(found.all_special_ids)):
        raise OSError("no files of a tokenizer")
    return found


@contextmanager
def _quiet() -> Iterator[None]:
    # a bar, a report on the half that is left out, five retries: what matters of them is in the one line of a refusal
    from huggingface_hub.utils import logging as of_hub
    from transformers.utils import logging

    before, levels = logging.set_tqdm_hook(_hidden), (logging.get_verbosity(), of_hub.get_verbosity())
    logging.set_verbosity_error()
    of_hub.set_verbosity_error()
    try:
        yield
    finally:
        logging.set_tqdm_hook(before)
        logging.set_verbosity(levels[0])
        of_hub.set_verbosity(levels[1])


def _hidden(bar: Any, args: Any, kwargs: Any) -> Any:
    return bar(*args, **{**kwargs, "disable": True})
