"""wordllama as files that the page reads: word pieces, how they merge, and a row of numbers for each."""

import json
from pathlib import Path
from typing import Any

import numpy as np

from rat_modules.errors import RatError
from rat_modules.exporting.web.packing import from_planes, pack, planes, unpack
from rat_modules.text.projected import ProjectedTextEncoder
from rat_modules.text.wordllama import WordLlamaTextEncoder, load_package


def write_words(folder: Path, encoder: Any) -> dict[str, object]:
    """Write pieces.json.gz, merges.gz, rows.gz and, for a projected encoder, map.gz; read them again and compare.

    Args:
        folder: of the page.
        encoder: `wordllama`, or `projected` over it.

    Returns:
        What sentence.js has to know beside: width, scale, lowercase, and the width behind the map or 0.

    Raises:
        RatError: its package is missing, or has a tokenizer of another kind than the page's.
        OSError: the disk is full.
    """
    projected = encoder if isinstance(encoder, ProjectedTextEncoder) else None
    inner: WordLlamaTextEncoder = projected.encoder if projected else encoder
    model = load_package(inner.cond_dim)
    pieces, merges = _tables(json.loads(model.tokenizer.to_str()))
    pack(folder / "pieces.json.gz", json.dumps(pieces, ensure_ascii=False, separators=(",", ":")).encode())
    pack(folder / "merges.gz", merges.tobytes())
    _write_rows(folder / "rows.gz", model.embedding)
    if projected:
        tensors = (projected.project.weight, projected.project.bias)
        numbers = np.concatenate([each.detach().cpu().float().numpy().reshape(-1) for each in tensors])
        pack(folder / "map.gz", numbers.astype("<f4").tobytes())
    return {
        "kind": "wordllama",
        "width": inner.cond_dim,
        "scale": inner.scale,
        "lowercase": inner.lowercase,
        "projected": projected.cond_dim if projected else 0,
    }


def _tables(tokenizer: dict[str, Any]) -> tuple[dict[str, object], np.ndarray]:
    """The pieces in the order of their numbers, and pairs of numbers that merge; only of the kind that pieces.js is."""
    model = tokenizer["model"]
    steps = [step["type"] for step in (tokenizer["normalizer"] or {}).get("normalizers", [])]
    special = tokenizer["added_tokens"]
    plain = not any(each["lstrip"] or each["rstrip"] or each["single_word"] or each["normalized"] for each in special)
    known = model["type"] == "BPE" and model["byte_fallback"] and model["fuse_unk"] and not model["ignore_merges"]
    if not (known and plain and steps == ["Prepend", "Replace"] and tokenizer["pre_tokenizer"] is None):
        raise RatError(
            "tokenizer of the package wordllama",
            got=f"{model['type']} after {', '.join(steps) or 'nothing'}",
            expected="byte pair encoding with byte fallback, which the page has",
            hint='pip install "wordllama==0.4.0.post1"',
        )
    numbers: dict[str, int] = model["vocab"]
    pieces = sorted(numbers, key=numbers.__getitem__)
    pairs = [(numbers[left], numbers[right]) for left, right in model["merges"]]
    table: dict[str, object] = {
        "pieces": pieces,
        "special": [each["content"] for each in special],
        "unknown": model["unk_token"],
    }
    return table, np.array(pairs, dtype="<u2")


def _write_rows(path: Path, rows: np.ndarray) -> None:
    """Rows 'p s' in float16, which is how the package has them: a thousandth of the largest is the most that may go."""
    pack(path, planes(rows.astype(np.float16)))
    kept = from_planes(unpack(path)).astype(np.float32).reshape(rows.shape)
    off = float(np.abs(kept - rows).max())
    if not off <= 1e-3 * float(np.abs(rows).max()):
        raise RatError(
            "embeddings in float16", got=f"a difference of {off:.2g}", expected="a thousandth of the largest"
        )
