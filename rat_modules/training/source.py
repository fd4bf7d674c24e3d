"""What batches are made from: a data set in memory or streamed, with the sentences of its captions."""

from abc import ABC, abstractmethod
from collections.abc import Iterator
from typing import Any, NamedTuple

import numpy as np
import torch
from torch import Tensor

from rat_modules.data import CaptionedImages
from rat_modules.training.order import Draw, Order


class Read(NamedTuple):
    """What was read for an iteration.

    pixels: 'n 3 h w', uint8, the pictures of this process, on the device.
    sentence: 'm s', the sentences of the whole batch, on the device.
    concepts: 'm', what the pictures of the whole batch show, as numbers that differ where concepts do.
    """

    pixels: Tensor
    sentence: Tensor
    concepts: np.ndarray


class Placed:
    """Whose tensors go to one device.

    device: where batches are put.
    """

    device: torch.device

    def on_device(self, values: np.ndarray | Tensor) -> Tensor:
        """Values as a tensor on the device, without waiting for what the device is doing."""
        tensor = torch.as_tensor(values)
        # a copy from ordinary memory would wait for everything that is queued on the device
        return tensor.pin_memory().to(self.device, non_blocking=True) if self.device.type == "cuda" else tensor


class Source(Placed, ABC):
    """A data set as training reads it.

    dataset: the pictures and captions.
    """

    dataset: CaptionedImages

    @property
    @abstractmethod
    def concept_count(self) -> int:
        """How many concepts the pictures show."""

    @property
    @abstractmethod
    def different_captions(self) -> int:
        """How many captions there are when each is counted once."""

    @abstractmethod
    def order(self, *, batch_size: int, noise_dim: int, seed: int) -> Order:
        """Which pictures make an iteration."""

    @abstractmethod
    def reading(self, draws: Iterator[Draw], own: slice, workers: int) -> Iterator[tuple[Draw, Read]]:
        """Yield draws and what was read for each.

        Args:
            draws: what each iteration is made of.
            own: the rows of a batch whose pictures are read.
            workers: processes that read ahead, where anything is left to read.
        """

    @abstractmethod
    def said(self, draw: Draw) -> list[str]:
        """The captions of a draw."""

    @abstractmethod
    def fingerprint(self) -> dict[str, Any]:
        """What tells this data set from another, as JSON can hold it."""
