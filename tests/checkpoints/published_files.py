"""Whole published state dicts, with everything that the published files carry and never read."""

import json
import pickle
from collections.abc import Mapping, Sequence
from functools import cache
from pathlib import Path
from typing import Any

import torch
from safetensors.torch import load_file
from torch import Tensor

from ..published_weights import discriminator_shapes, generator_shapes, weights

GOLDEN = Path(__file__).parent.parent / "golden"
Figures = Mapping[str, Tensor]


@cache
def facts(name: str) -> dict[str, Any]:
    return json.loads((GOLDEN / f"{name}.json").read_text(encoding="utf-8"))


def figures(name: str) -> Figures:
    return load_file(GOLDEN / f"{name}.safetensors")


def golden(name: str, net: str) -> dict[str, Tensor]:
    """One network of a golden file; "att" is netD with the attention head under COND_DNET."""
    shapes, seed = facts(name), facts(name)["seed"]
    if net == "att":
        return weights(shapes["netD"], "netD", seed) | weights(shapes["att"], "att", seed, prefix="COND_DNET.")
    return weights(shapes[net], net, seed)


def net_g(width: int, size: int, seed: int, **widths: int) -> dict[str, Tensor]:
    """A published generator of any width and size: the controller under every name, and layers that never run."""
    shapes = dict(generator_shapes(width, size, **widths))
    for block in range(size.bit_length() - 2):
        for key in [key for key in shapes if key.startswith("lstm.")]:
            shapes[f"block{block}.{key}"] = shapes[key]
        for layer in ("fea_l", "fea_ll"):
            shapes |= {f"block{block}.{layer}.weight": (8, width), f"block{block}.{layer}.bias": (8,)}
    return weights(shapes, "netG", seed)


def net_d(width: int, size: int, seed: int, **options: Any) -> dict[str, Tensor]:
    """A published discriminator of any width and size."""
    return weights(discriminator_shapes(width, size, **options), "netD", seed)


def captions_pickle(path: Path, words: int | Sequence[str], *, first: str = "<end>") -> Path:
    """A captions.pickle as Python 2 wrote it, of so many words in all (word1, word2, ...) or of the words given."""
    names = [first, *([f"word{number}" for number in range(1, words)] if isinstance(words, int) else words)]
    tables = dict(enumerate(names)), {name: number for number, name in enumerate(names)}
    path.write_bytes(pickle.dumps([[[1, 2], [3]], [[4]], *tables], protocol=2))
    return path


def damsm(words: int, cond_dim: int, embedding_dim: int = 7) -> dict[str, Tensor]:
    """A published text encoder of any width."""
    rnn = torch.nn.LSTM(embedding_dim, cond_dim // 2, bidirectional=True)
    return {
        "encoder.weight": torch.randn(words, embedding_dim),
        **{f"rnn.{name}": tensor.detach() for name, tensor in rnn.state_dict().items()},
    }


def birds(folder: Path) -> None:
    """The files that a reader of our pages has downloaded, of a small generator."""
    torch.save(net_g(2, 16, 1), folder / "netG.pth")
    torch.save(damsm(5, 256), folder / "text_encoder.pth")
    captions_pickle(folder / "captions.pickle", ["this", "bird", "is", "red"])


def caption(tokens: Sequence[int]) -> str:
    return " ".join(f"word{int(token)}" for token in tokens)
