"""The tars that were read last, open, and whether they are still what was written."""

import logging
from collections import OrderedDict
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from rat_modules.data.shard_file import ShardFile
from rat_modules.data.shard_index import ShardEntry

_log = logging.getLogger("rat_modules")


class OpenShards:
    """Opens tars by their number, and closes those that were not asked for longest.

    The bytes of every tar are hashed when it is first opened, and again where it has changed. Of one whose hash is not
    that of the index there is a warning and no refusal: what cannot be read in it is left out, but damage can also hit
    captions and pixels in such a way that they can still be read.

    Args:
        root: the folder of the index.
        shards: what the index says.
        most: how many are open.
        name: of the data set, for messages.
    """

    def __init__(self, root: Path, shards: Sequence[ShardEntry], *, most: int, name: str) -> None:
        self._root, self._shards, self._most, self._name = root, shards, most, name
        self._open: OrderedDict[int, ShardFile] = OrderedDict()
        self._hashed: dict[int, tuple[int, ...]] = {}  # the state of each tar when its bytes were looked at

    def __len__(self) -> int:
        return len(self._open)

    def __getstate__(self) -> dict[str, Any]:
        # open files stay where they are: another process opens its own
        return self.__dict__ | {"_open": OrderedDict(), "_hashed": {}}

    def get(self, number: int) -> ShardFile:
        """Give the tar of this number.

        Raises:
            DataError: it cannot be read, or is no tar of so many pictures.
        """
        shard = self._open.pop(number, None)
        if shard is not None and shard.state != self._hashed[number]:
            shard.close()  # somebody wrote into it: other offsets, and perhaps another length
            shard = None
        if shard is None:
            while len(self._open) >= self._most:
                self._open.popitem(last=False)[1].close()
            entry = self._shards[number]
            shard = ShardFile(self._root / entry.name, name=entry.name, pictures=entry.pictures)
            self._look_at_bytes(number, shard)
        self._open[number] = shard
        return shard

    def _look_at_bytes(self, number: int, shard: ShardFile) -> None:
        state, wanted = shard.state, self._shards[number].sha256
        if self._hashed.get(number) == state:
            return
        self._hashed[number] = state
        found = shard.sha256()
        if found != wanted:
            said = f"got sha256 {found[:12]}..., expected {wanted[:12]}..., as the index says"
            advice = "its captions and pictures may be wrong: write the shards anew or fetch this one again"
            _log.warning("%s: shard %s is not what was written, %s; %s", self._name, shard.name, said, advice)
