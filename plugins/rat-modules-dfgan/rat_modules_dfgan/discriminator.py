"""The discriminator of DF-GAN: netD and netC of the published code in one module."""

from rat_modules.models.discriminator import RATDiscriminator


class DFDiscriminator(RATDiscriminator):
    """Picture features (netD), and how well a sentence fits them (netC); DF-GAN, arXiv 2008.05865.

    RAT-GAN's without attention is the same network, but grows to 16 times the width, and this one to 8 times.

    Args:
        cond_dim: width s of the sentence.
        width: channels at the full resolution (`nf` of the published code).
        image_size: height and width of the picture, a power of two from 16 to 512.
        attention: as for RATDiscriminator; the published DF-GAN has none.
        gate_init: initial factor of every block's residual.

    Example:
        >>> import torch
        >>> discriminator = DFDiscriminator(16, width=2, image_size=64)
        >>> discriminator.features(torch.randn(3, 3, 64, 64)).shape
        torch.Size([3, 16, 4, 4])
    """

    widest = 8
