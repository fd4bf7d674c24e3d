"""Somebody else's network: an unconditional DCGAN for 32 px in plain torch, which knows of no text and no rat_modules.

After Radford, Metz and Chintala (arXiv 1511.06434), with spectral norm in the discriminator (arXiv 1802.05957).
"""

from itertools import pairwise

from torch import Tensor, nn
from torch.nn.utils.parametrizations import spectral_norm

NOISE_DIM = 100


class Generator(nn.Module):
    """Noise 'n 100' to pictures 'n 3 32 32' in (-1, 1)."""

    def __init__(self, width: int = 40) -> None:
        super().__init__()
        self.project = nn.Linear(NOISE_DIM, 4 * width * 4 * 4)
        self.layers = nn.Sequential(
            nn.Unflatten(1, (4 * width, 4, 4)),
            nn.BatchNorm2d(4 * width),
            nn.ReLU(),
            nn.ConvTranspose2d(4 * width, 2 * width, 4, stride=2, padding=1, bias=False),
            nn.BatchNorm2d(2 * width),
            nn.ReLU(),
            nn.ConvTranspose2d(2 * width, width, 4, stride=2, padding=1, bias=False),
            nn.BatchNorm2d(width),
            nn.ReLU(),
            nn.ConvTranspose2d(width, 3, 4, stride=2, padding=1),
            nn.Tanh(),
        )

    def forward(self, noise: Tensor) -> Tensor:
        return self.layers(self.project(noise))


class Discriminator(nn.Module):
    """Pictures 'n 3 32 32' to logits 'n'."""

    def __init__(self, width: int = 32) -> None:
        super().__init__()
        widths = (3, width, 2 * width, 4 * width)
        layers: list[nn.Module] = []
        for before, after in pairwise(widths):
            layers += [spectral_norm(nn.Conv2d(before, after, 4, stride=2, padding=1)), nn.LeakyReLU(0.2)]
        self.layers = nn.Sequential(*layers, nn.Flatten(), spectral_norm(nn.Linear(4 * width * 4 * 4, 1)))

    def forward(self, images: Tensor) -> Tensor:
        return self.layers(images)[:, 0]
