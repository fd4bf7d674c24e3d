"""A page that counts how many answers it has at work at once: python -m tests.playing.counting MODEL.

It prints its address; when it reads a line, it prints the count and ends.
"""

import sys
import threading
import time
from typing import Any

from rat_modules.assembly import load
from rat_modules.playing.at_work import AtWork
from rat_modules.playing.page import page
from rat_modules.playing.player import Player
from rat_modules.playing.serving import serve


class Counting(AtWork):
    """Each answer takes a while, so that others could begin."""

    def __init__(self) -> None:
        super().__init__()
        self.lock, self.now, self.most = threading.Lock(), 0, 0

    def __enter__(self) -> None:
        super().__enter__()
        with self.lock:
            self.now += 1
            self.most = max(self.most, self.now)
        time.sleep(0.3)

    def __exit__(self, *error: Any) -> None:
        with self.lock:
            self.now -= 1
        super().__exit__(*error)


def main() -> None:
    """Serve until a line comes."""
    player = Player(load(sys.argv[1]))
    player.at_work = counting = Counting()
    blocks = page(player, "small", ["a plate", "a spoon"])
    print(serve(blocks, "127.0.0.1", None), flush=True)
    sys.stdin.readline()
    print(counting.most, flush=True)
    blocks.close(verbose=False)


if __name__ == "__main__":
    main()
