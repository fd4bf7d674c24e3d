"""Rows of features on the disk: as many as there are pictures, in memory that does not grow with them."""

import tempfile
from collections.abc import Iterator, Sequence
from pathlib import Path
from types import TracebackType
from typing import Self

import torch
from torch import Tensor

from rat_modules.errors import RatError, ShapeError

_BYTES = 4


class FeatureFile:
    """Features 'n d', float32, appended batch by batch.

    Args:
        path: a new file; None takes a temporary one, which goes away when this is closed.
        width: d.

    Raises:
        ShapeError: a width below one.
        OSError: the file cannot be made.

    Example:
        >>> with FeatureFile(None, 2) as features:
        ...     features.append(torch.tensor([[1.0, 2.0], [3.0, 4.0], [5.0, 6.0]]))
        ...     len(features), features.rows([2, 0]).tolist(), [len(block) for block in features.blocks(2)]
        (3, [[5.0, 6.0], [1.0, 2.0]], [2, 1])
    """

    def __init__(self, path: Path | None, width: int) -> None:
        if width < 1:
            raise ShapeError("width of features", got=width, expected="1 or more")
        self.width, self._count = width, 0
        # unbuffered: a full disk is told by the append that meets it
        make = tempfile.TemporaryFile if path is None else path.open
        self._file = make("w+b", buffering=0)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def __len__(self) -> int:
        return self._count

    def close(self) -> None:
        """Close the file; a temporary one is gone."""
        self._file.close()

    def append(self, features: Tensor) -> None:
        """Add rows.

        Args:
            features: 'n d', real numbers, on any device.

        Raises:
            ShapeError: not 'n d', or of another width.
            RatError: a number is not finite, or the disk is full; nothing is taken in.
        """
        if features.ndim != 2 or features.shape[1] != self.width or features.is_complex():
            got = f"{tuple(features.shape)} {features.dtype}"
            raise ShapeError("features", got=got, expected=f"'n {self.width}', real")
        rows = features.detach().to("cpu", torch.float32).contiguous()
        if wrong := int((~rows.isfinite()).any(1).sum()):
            raise RatError("features", got=f"{wrong} of {len(rows)} rows with NaN or infinity", expected="numbers")
        end = self._count * self.width * _BYTES
        try:
            self._file.seek(end)
            left = memoryview(rows.numpy().tobytes())
            while left:  # a file without buffer may take less than it is given
                left = left[self._file.write(left) :]
        except OSError as error:  # what was written of it is written over by the next
            hint = "make room in the folder for temporary files, or set TMPDIR to another"
            raise RatError("features could not be kept", got=error.strerror or error, hint=hint) from error
        self._count += len(rows)

    def rows(self, which: slice | Sequence[int]) -> Tensor:
        """Some rows, in the order that is asked for.

        Args:
            which: a slice, or indices from 0 to n - 1.

        Raises:
            IndexError: there is no such row.
        """
        chosen = range(self._count)[which] if isinstance(which, slice) else which
        if isinstance(chosen, range) and chosen.step == 1:
            return self._read(chosen.start, len(chosen))
        numbers = [range(self._count)[row] for row in chosen]
        return torch.cat([self._read(row, 1) for row in numbers]) if numbers else torch.empty(0, self.width)

    def _read(self, first: int, count: int) -> Tensor:
        # read and not mapped: pages of a map would count as memory of this process
        if not count:
            return torch.empty(0, self.width)
        content = bytearray(count * self.width * _BYTES)
        left = memoryview(content)
        self._file.seek(first * self.width * _BYTES)
        while left:
            taken = self._file.readinto(left)
            if not taken:
                raise RatError("features", got="a file that was cut short", expected=f"{self._count} rows")
            left = left[taken:]
        return torch.frombuffer(content, dtype=torch.float32).reshape(count, self.width)

    def blocks(self, size: int) -> Iterator[Tensor]:
        """All rows in order, `size` at a time."""
        for start in range(0, self._count, size):
            yield self.rows(slice(start, start + size))


Rows = Tensor | FeatureFile


def blocks_of(features: Rows, size: int) -> Iterator[Tensor]:
    """Rows of a tensor 'n d' or of a file, `size` at a time.

    Raises:
        ShapeError: a tensor that is not 'n d'.
    """
    if isinstance(features, FeatureFile):
        return features.blocks(size)
    if features.ndim != 2:
        raise ShapeError("features", got=tuple(features.shape), expected="'n d'")
    return iter(features.split(size) if len(features) else ())


def rows_of(features: Rows, which: slice | Sequence[int]) -> Tensor:
    """Some rows of a tensor 'n d' or of a file."""
    if isinstance(features, FeatureFile):
        return features.rows(which)
    return features[which if isinstance(which, slice) else torch.as_tensor(which, dtype=torch.long)]
