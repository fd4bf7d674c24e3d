"""Which text encoders the page can run, and what is written of each."""

from pathlib import Path
from typing import Any

from rat_modules.errors import RatError
from rat_modules.exporting.web.damsm import write_damsm
from rat_modules.exporting.web.words import write_words
from rat_modules.text.damsm import DAMSMTextEncoder
from rat_modules.text.projected import ProjectedTextEncoder
from rat_modules.text.wordllama import WordLlamaTextEncoder

SUPPORTED = "damsm, or wordllama, alone or behind a map that `train-text --encoder wordllama` trained"


def check_encoder(encoder: Any) -> None:
    """Refuse a text encoder that the page cannot run.

    Raises:
        RatError: with those that it can.
    """
    inner = encoder.encoder if type(encoder) is ProjectedTextEncoder else encoder
    if type(inner) is not WordLlamaTextEncoder and type(encoder) is not DAMSMTextEncoder:
        got = "no text encoder" if encoder is None else type(inner).__name__
        hint = "take --format onnx, and encode captions yourself"
        raise RatError("text encoder of a web page", got=got, expected=SUPPORTED, hint=hint)


def write_encoder(folder: Path, encoder: Any) -> dict[str, object]:
    """Write the files of a text encoder.

    Args:
        folder: of the page.
        encoder: one that `check_encoder` lets pass.

    Returns:
        What encoder.js has to know beside; `kind` says which it is.

    Raises:
        RatError: an encoder of another kind, its package is missing, or a tokenizer of another kind than the page's.
        OSError: the disk is full.
    """
    check_encoder(encoder)
    return write_damsm(folder, encoder) if type(encoder) is DAMSMTextEncoder else write_words(folder, encoder)
