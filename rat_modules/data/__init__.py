"""Captioned pictures, opened by one word: a registered name or a folder."""

from rat_modules.data.dataset import CaptionedImages
from rat_modules.data.opening import open_dataset

__all__ = ["CaptionedImages", "open_dataset"]
