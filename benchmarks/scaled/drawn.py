"""Pictures and captions that stand in for photographs: noise as rough as a photograph, so that JPEG finds work."""

from pathlib import Path

import numpy as np
from PIL import Image

SAID = """
a small large red blue green grey brown bird flower dog cat boat house with wings leaves beak eyes roof sitting standing
flying near under behind water tree grass street table window long short bright dark yellow white black
"""
WORDS = SAID.split()


def picture(chance: np.random.Generator, edge: int) -> Image.Image:
    """One picture whose spectrum falls with the frequency, as that of photographs does."""
    frequency = np.hypot(np.fft.fftfreq(edge)[:, None], np.fft.rfftfreq(edge)[None])
    frequency[0, 0] = 1
    spectrum = np.fft.rfft2(chance.standard_normal((3, edge, edge))) / frequency**1.2
    spectrum[:, 0, 0] = 0
    values = np.fft.irfft2(spectrum, s=(edge, edge))
    grey = values.mean(0, keepdims=True)  # colours of a photograph go together
    values = 0.8 * grey + 0.2 * values
    values = 128 + 50 * (values - values.mean()) / values.std()
    return Image.fromarray(values.clip(0, 255).astype(np.uint8).transpose(1, 2, 0))


def caption(chance: np.random.Generator) -> str:
    """Nine to fifteen words."""
    return " ".join(chance.choice(WORDS, chance.integers(9, 16)).tolist())


def folder_of_pictures(folder: Path, count: int, edge: int) -> Path:
    """JPEG files with a caption beside each, all of them for training."""
    chance = np.random.default_rng(0)
    train = folder / "train"
    train.mkdir(parents=True)
    for number in range(count):
        picture(chance, edge).save(train / f"{number:06d}.jpg", quality=90)
        (train / f"{number:06d}.txt").write_text(caption(chance) + "\n", encoding="utf-8")
    return folder
