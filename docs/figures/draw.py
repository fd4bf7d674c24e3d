"""`python docs/figures/draw.py [FOLDER]`: draw every figure of the pages, beside this file or elsewhere."""

import sys
from pathlib import Path

import affine
import controller
import penalty
import soft_threshold
from style import FOLDER

FIGURES = (controller, affine, soft_threshold, penalty)


def main(folder: str = str(FOLDER)) -> None:
    """Draw all."""
    for each in FIGURES:
        print(each.draw(Path(folder)).name)


if __name__ == "__main__":
    main(*sys.argv[1:])
