"""The published RAT-GAN as families of files; registered in `registry/builtins.py`."""

from functools import partial

from rat_modules.checkpoints.family import Family, Network
from rat_modules.checkpoints.kinds import RATGAN_ATTENTION, RATGAN_DISCRIMINATOR, RATGAN_GENERATOR
from rat_modules.checkpoints.ratgan_sizes import read_discriminator, read_generator

_FOUR = Network(RATGAN_GENERATOR, partial(read_generator, affines=4))
_SIX = Network(RATGAN_GENERATOR, partial(read_generator, affines=6))
# without attention it is the discriminator of SSA-GAN too
PLAIN_DISCRIMINATOR = Network(RATGAN_DISCRIMINATOR, partial(read_discriminator, attention=False))
_ATTENTION = Network(RATGAN_ATTENTION, partial(read_discriminator, attention=True))

RELEASED = Family("ratgan-released", _FOUR, PLAIN_DISCRIMINATOR)
RELEASED_ATTENTION = Family("ratgan-released-attention", _FOUR, _ATTENTION)
FLOWER = Family("ratgan-flower", _SIX, PLAIN_DISCRIMINATOR)
