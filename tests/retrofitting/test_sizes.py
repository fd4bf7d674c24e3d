"""What README says of the size of a site is what an adapter has."""

import re
from pathlib import Path

from rat_modules.layers.affine import ConditionalAffine

README = Path(__file__).parents[2] / "README.md"
PARTS = {"third": 3, "fourth": 4, "fifth": 5, "eighth": 8, "tenth": 10, "thirteenth": 13}


def megabytes(channels: int, hidden_dim: int) -> float:
    return sum(4 * each.numel() for each in ConditionalAffine(channels, hidden_dim).parameters()) / 1e6


def test_the_size_of_a_site() -> None:
    text = " ".join(README.read_text(encoding="utf-8").split())
    said = re.search(
        r"site takes ([\d.]+) MB \(([\d,]+) channels\) to ([\d.]+) MB \(([\d,]+)\) at the published width of the "
        r"recurrence, (\d+); with `hidden_dim=(\d+)` it is a (\w+) to a (\w+) of that",
        text,
    )
    assert said is not None
    few, many = (int(said[place].replace(",", "")) for place in (2, 4))
    wide, narrow = int(said[5]), int(said[6])
    assert [f"{megabytes(channels, wide):.2f}" for channels in (few, many)] == [said[1], said[3]]
    for channels, part in ((few, said[7]), (many, said[8])):
        assert round(megabytes(channels, wide) / megabytes(channels, narrow)) == PARTS[part]
