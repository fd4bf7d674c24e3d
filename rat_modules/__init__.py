"""Reusable, fast PyTorch building blocks for text-to-image GANs."""

__version__ = "0.1.0"
