"""A data set and a recipe that train in milliseconds."""

from pathlib import Path

import torch
from torch import Tensor

from rat_modules.assembly import assemble
from rat_modules.sampling.pixels import to_pictures

SMALL = {
    "generator.width": 2,
    "generator.image_size": 16,
    "generator.noise_dim": 6,
    "controller.hidden_dim": 8,
    "text_encoder.cond_dim": 64,
    "training.batch_size": 4,
    "training.steps": 12,
}


class Plates:
    """Ten pictures of one colour each, with one to three captions; two of every concept."""

    name = "plates"
    image_size = 16
    skipped: tuple[tuple[str, str], ...] = ()

    def __len__(self) -> int:
        return 10

    def image(self, index: int) -> Tensor:
        return torch.full((3, 16, 16), 25 * index, dtype=torch.uint8)

    def captions(self, index: int) -> tuple[str, ...]:
        return ("a plate", f"plate number {index}", "any plate")[: 1 + index % 3]

    def concept(self, index: int) -> str:
        return str(index // 2)


def write_plates(folder: Path) -> Path:
    """The plates as files: pictures with captions beside them."""
    plates = Plates()
    folder.mkdir(parents=True, exist_ok=True)
    for index, picture in enumerate(to_pictures(torch.stack([plates.image(i) for i in range(len(plates))]))):
        picture.save(folder / f"{index}.png")
        (folder / f"{index}.txt").write_text("\n".join(plates.captions(index)) + "\n", encoding="utf-8")
    return folder


def small_words() -> list[str]:
    """SMALL as words of a command line."""
    return [word for key, value in SMALL.items() for word in ("--set", f"{key}={value}")]


def small_model(folder: Path, **changes: object) -> Path:
    """An untrained model folder whose text encoder knows every word."""
    torch.manual_seed(0)
    assembly = assemble("ratgan-tiny", **{**SMALL, **changes})
    for weight in assembly.generator.parameters():
        torch.nn.init.normal_(weight, std=0.3)  # fresh affines do nothing, so no caption would show
    assembly.save(folder)
    return folder
