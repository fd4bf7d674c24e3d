"""A DAMSM text encoder as files that the page reads: its words, and the numbers of its LSTM."""

import json
from pathlib import Path

import numpy as np

from rat_modules.exporting.web.packing import pack
from rat_modules.text.damsm import DAMSMTextEncoder

# in the order in which damsm.js reads them, after the embeddings
LSTM = [f"rnn.{name}_l0{way}" for way in ("", "_reverse") for name in ("weight_ih", "weight_hh", "bias_ih", "bias_hh")]


def write_damsm(folder: Path, encoder: DAMSMTextEncoder) -> dict[str, object]:
    """Write words.json.gz and lstm.gz, float32.

    Args:
        folder: of the page.
        encoder: of any vocabulary, of whole words or with pieces.

    Returns:
        What damsm.js has to know beside.

    Raises:
        OSError: the disk is full.
    """
    words = encoder.vocabulary.to_plain()
    pack(folder / "words.json.gz", json.dumps(words, ensure_ascii=False, separators=(",", ":")).encode())
    weights = encoder.state_dict()
    numbers = [weights[name].detach().cpu().float().numpy().reshape(-1) for name in ("encoder.weight", *LSTM)]
    pack(folder / "lstm.gz", np.concatenate(numbers).astype("<f4").tobytes())
    return {
        "kind": "damsm",
        "width": encoder.cond_dim,
        "embedding": encoder.embedding_dim,
        "most": encoder.max_words,
    }
