"""What captions cost: encoded once and held, encoded while streaming, and counted while tars are written."""

import sys
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

from rat_modules.data import shard_writing
from rat_modules.text.wordllama import WordLlamaTextEncoder
from rat_modules.training.captioned import Captioned
from rat_modules.training.streamed import KEPT_SENTENCES
from scaled.drawn import caption
from scaled.running import most_resident, processor, resident, run

FEW, MANY, WIDTH = 20_000, 120_000, 256


class Said:
    """Small grey pictures with one caption each, all of them different."""

    name, image_size, skipped = "said", 1, ()

    def __init__(self, count: int) -> None:
        chance = np.random.default_rng(0)
        self._said = [(f"{caption(chance)} {number}",) for number in range(count)]

    def __len__(self) -> int:
        return len(self._said)

    def image(self, index: int) -> Tensor:
        return torch.zeros(3, 1, 1, dtype=torch.uint8)

    def captions(self, index: int) -> tuple[str, ...]:
        return self._said[index]

    def concept(self, index: int) -> str:
        return self._said[index][0]


def measure(folder: Path) -> dict[str, Any]:
    few, many = ([float(word) for word in run(__file__, count).output.split()] for count in (FEW, MANY))
    encoder, said = WordLlamaTextEncoder(WIDTH), [text for (text,) in Said(5000)._said]
    encoder.encode(said[:10])
    with processor() as together:
        encoder.encode(said)
    with processor() as singly:
        for text in said:
            encoder.encode([text])
    return {
        "characters": float(np.mean([len(text) for text in said])),
        "width": WIDTH,
        "counts": [FEW, MANY],
        "held_bytes_a_caption": (many[0] - few[0]) / (MANY - FEW),
        "most_bytes_a_caption": (many[1] - few[1]) / (MANY - FEW),
        "seconds_to_take_in_a_caption": (many[2] - few[2]) / (MANY - FEW),
        "seconds_together": together[0] / len(said),
        "seconds_singly": singly[0] / len(said),
        "kept_while_streaming": KEPT_SENTENCES,
        "written_bytes_a_caption": float(run(__file__, "written").output),
    }


def held(count: int) -> None:
    """Print bytes held and at most, and seconds, of a set in memory and of its captions and sentences."""
    before = resident()
    dataset = Said(count)
    encoder = WordLlamaTextEncoder(WIDTH)
    encoder.encode(["a"])
    with processor() as taken:
        captioned = Captioned(dataset, encoder)
    print(resident() - before, most_resident() - before, taken[0], len(captioned.texts))


def written(count: int = 1_000_000) -> None:
    """Print the bytes a caption by which the writer of tars grows, which counts the different ones."""
    before = resident()
    different = {shard_writing._short_hash(f"caption number {number}") for number in range(count)}
    print((resident() - before) / len(different))


if __name__ == "__main__":
    written() if sys.argv[1] == "written" else held(int(sys.argv[1]))
