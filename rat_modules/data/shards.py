"""Captioned pictures in tars, of which no more than a few are looked into at a time."""

import hashlib
import logging
from bisect import bisect_right
from itertools import accumulate
from pathlib import Path

from torch import Tensor
from torch.utils.data import Dataset

from rat_modules.data.captioned_files import Original, preparation, surroundings
from rat_modules.data.open_shards import OpenShards
from rat_modules.data.pictures import Colour, Fit, decode_picture, square
from rat_modules.data.shard_file import Said, ShardFile
from rat_modules.data.shard_index import read_index
from rat_modules.errors import DataError

_log = logging.getLogger("rat_modules")


class Shards(Dataset[tuple[Tensor, tuple[str, ...]]]):
    """What `rat-modules data shard` wrote. Neither pictures nor captions are held; the index is.

    A picture or a record that cannot be read gives way to the next sound one of its tar, and is added to `skipped`.
    Of a tar whose bytes are not those that were written there is a warning; see `OpenShards`.

    Args:
        root: the folder with `index.json`.
        image_size: edge of every picture in pixels; None takes the stored one, or 64 where original files are stored.
        split: one of those that were written.
        window: how many tars are mixed with one another while training, and twice as many are open at most.
        fit, background: as for `square`; None takes what the data set had that was written.
        enlarge: let pictures be larger than they were stored.

    Raises:
        DataError: the index does not fit, a tar is missing or of another size, or pictures were stored smaller.
    """

    def __init__(
        self,
        root: str | Path,
        *,
        image_size: int | None = None,
        split: str = "train",
        window: int = 4,
        fit: Fit | None = None,
        background: Colour | None = None,
        enlarge: bool = False,
    ) -> None:
        self.root, self.split, self.window = Path(root), split, window
        index = read_index(self.root)
        if split not in index.splits:
            raise DataError(f"split of {root}", got=repr(split), expected=f"one of {', '.join(index.splits)}")
        if type(window) is not int or window < 1:
            raise DataError("window of shards", got=repr(window), expected="a number of shards, at least one")
        if fit not in (None, "crop", "pad"):
            raise DataError("fit", got=repr(fit), expected="'crop' or 'pad'")
        self.stored = stored = index.image_size
        self._before = index.preparation or "as they were stored"
        self.image_size = (stored or 64) if image_size is None else image_size
        if self.image_size < 1:
            raise DataError("image size", got=self.image_size, expected="at least 1 pixel")
        if stored and self.image_size > stored and not enlarge:
            hint = f"write them anew with --image-size {self.image_size}, or choose a smaller generator.image_size"
            got, expected = f"{self.image_size} pixels", f"at most {stored}, as they were stored"
            raise DataError(f"pictures of {root}", got=got, expected=expected, hint=hint)
        self.fit, self.background = fit or index.fit, background or index.background
        self.name, self.about = index.name, index.splits[split]
        self.skipped: list[tuple[str, str]] = []
        self.starts = [0, *accumulate(shard.pictures for shard in self.about.shards)]
        self._lost: set[int] = set()
        # two windows: a batch may end one and begin the next
        self._open = OpenShards(self.root, self.about.shards, most=2 * window, name=self.name)
        self._check_sizes()

    @staticmethod
    def splits_in(root: Path) -> list[str]:
        """Splits that were written."""
        return list(read_index(root).splits)

    @property
    def preparation(self) -> str:
        """How stored pictures become these, in words."""
        made = preparation(self.fit, self.background, boxes=True)
        if self.stored is None:
            return made
        return self._before if self.stored == self.image_size else f"{self._before}, {self.stored} px, then {made}"

    def __len__(self) -> int:
        return self.about.pictures

    def __getitem__(self, index: int) -> tuple[Tensor, tuple[str, ...]]:
        return self.image(index), self.captions(index)

    def image(self, index: int) -> Tensor:
        """Picture '3 h w', uint8; see `read`."""
        return self.read(index)[0]

    def captions(self, index: int) -> tuple[str, ...]:
        """Everything that is said of the picture."""
        return self.said(index)[0].captions

    def concept(self, index: int) -> str:
        """What the picture shows."""
        return self.said(index)[0].concept

    def read(self, index: int) -> tuple[Tensor, int]:
        """Picture '3 h w', uint8, and the index it is really of: another one where it cannot be read.

        Raises:
            DataError: the tar is damaged, or no picture in it can be read.
        """
        while True:
            said, place = self.said(index)
            shard, within = self._shard(place)
            try:
                image = decode_picture(shard.content(within), f"{shard.name}:{within}")
                box = None if said.box is None else surroundings(said.box, image.size)
                return square(image, self.image_size, fit=self.fit, background=self.background, box=box), place
            except DataError as error:
                self._lose(place, error)

    def said(self, index: int) -> tuple[Said, int]:
        """What is said of the picture, and the index it is really of; the picture itself is not read."""
        while True:
            place = self._place(index)
            shard, within = self._shard(place)
            try:
                return shard.said(within), place
            except DataError as error:
                self._lose(place, error)

    def original(self, index: int) -> Original:
        """The picture as it is stored."""
        said, place = self.said(index)
        shard, within = self._shard(place)
        return Original(shard.content(within), shard.endings[within], said.box)

    def place_of(self, index: int) -> str:
        """Where the picture lies: its tar and its number there."""
        number = self._number(index)
        return f"{self.about.shards[number].name}:{index - self.starts[number]}"

    def check_hashes(self) -> None:
        """Read every byte.

        Raises:
            DataError: it names the first tar whose bytes are not those that were written.
        """
        for shard in self.about.shards:
            with (self.root / shard.name).open("rb") as file:
                found = hashlib.file_digest(file, "sha256").hexdigest()
            if found != shard.sha256:
                got, expected = f"sha256 {found[:12]}...", f"{shard.sha256[:12]}..., as the index says"
                raise DataError(f"shard {shard.name} of {self.root} is damaged", got=got, expected=expected)

    def _check_sizes(self) -> None:
        for shard in self.about.shards:
            path = self.root / shard.name
            found = f"{path.stat().st_size} bytes" if path.is_file() else "no such file"
            if not path.resolve().is_relative_to(self.root.resolve()):
                got, expected = f"a link to {path.resolve()}", "a tar inside the folder"
                raise DataError(f"shard {shard.name} of {self.root}", got=got, expected=expected, hint="copy it there")
            if found != f"{shard.bytes} bytes":
                hint = "write the shards anew or fetch this one again"
                expected = f"{shard.bytes} bytes, as the index says"
                raise DataError(f"shard {shard.name} of {self.root}", got=found, expected=expected, hint=hint)

    def _number(self, index: int) -> int:
        return bisect_right(self.starts, index) - 1

    def _shard(self, index: int) -> tuple[ShardFile, int]:
        number = self._number(index)
        return self._open.get(number), index - self.starts[number]

    def _place(self, index: int) -> int:
        place = range(len(self))[index]
        number = self._number(place)
        first, count = self.starts[number], self.about.shards[number].pictures
        for _ in range(count):
            if place not in self._lost:
                return place
            place = first + (place + 1 - first) % count
        name = self.about.shards[number].name
        raise DataError(f"shard {name} of {self.root}", got=f"{count} pictures lost", expected="one that can be read")

    def _lose(self, place: int, error: DataError) -> None:
        self._lost.add(place)
        self.skipped.append((self.place_of(place), str(error)))
        _log.warning("%s: left out from now on, %s", self.name, error)
