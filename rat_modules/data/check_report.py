"""The result of checking a data folder: numbers for each split, and a table to read."""

from collections import Counter

import attrs

from rat_modules.errors import printable

TINY = 32
NEAR_RMSE = 0.04
_EXAMPLES = 5


@attrs.frozen
class SplitReport:
    """One split in numbers.

    Args:
        split: its name.
        pictures, concepts, captions: how many there are.
        different_captions: how many are left when each is counted once, whatever its case.
        words: mean number of words in a caption.
        shared_captions: captions that are said of more than one concept.
        doubled_captions: captions that one picture has more than once.
        tiny: pictures whose shorter edge has fewer than 32 pixels; None where no files are behind them.
        repeated: pictures equal to an earlier one of the split.
    """

    split: str
    pictures: int
    concepts: int
    captions: int
    different_captions: int
    words: float
    shared_captions: int
    doubled_captions: int
    tiny: int | None
    repeated: int

    def warning(self) -> str:
        """What keeps a discriminator from learning whether a caption fits, in one line; empty where nothing does."""
        missing = nothing_mismatched(self.concepts, self.different_captions)
        return missing and f"{self.split}: {missing}"


def nothing_mismatched(concepts: int, captions: int) -> str:
    """Why so many concepts and different captions leave no picture with a caption that does not fit it; else empty.

    Example:
        >>> nothing_mismatched(concepts=1, captions=20)
        'one concept, no mismatched captions to learn from'
    """
    few = "one concept" if concepts == 1 else "one caption" if captions == 1 else ""
    return few and f"{few}, no mismatched captions to learn from"


@attrs.frozen
class FolderReport:
    """What `check_folder` found; print it for a table.

    Args:
        name: what was checked, and as which kind of data set.
        splits: one report each.
        missing: (split, reason) of those that cannot be opened.
        left_out: (file, reason) of everything that cannot be used.
        identical: (test picture, training picture) that are the same.
        near: the same for pictures that differ by less than 0.04 (root mean square at 16 x 16 pixels, white is 1).
    """

    name: str
    splits: tuple[SplitReport, ...]
    missing: tuple[tuple[str, str], ...]
    left_out: tuple[tuple[str, str], ...]
    identical: tuple[tuple[str, str], ...]
    near: tuple[tuple[str, str], ...]

    def reasons(self) -> dict[str, int]:
        """How many files were left out for which reason, the most frequent first."""
        return dict(Counter(reason.split(":")[0] for _, reason in self.left_out).most_common())

    def __str__(self) -> str:
        rows: list[tuple[str, list[object]]] = [
            ("", [report.split for report in self.splits]),
            ("pictures", [report.pictures for report in self.splits]),
            ("concepts", [report.concepts for report in self.splits]),
            ("captions", [report.captions for report in self.splits]),
            ("words in a caption, mean", [f"{report.words:.1f}" for report in self.splits]),
            ("captions of several concepts", [report.shared_captions for report in self.splits]),
            ("captions twice at one picture", [report.doubled_captions for report in self.splits]),
            (f"smaller than {TINY} px", ["-" if (t := report.tiny) is None else t for report in self.splits]),
            ("repeated pictures", [report.repeated for report in self.splits]),
        ]
        lines = [self.name, *(f"{label:<32}" + "".join(f"{value!s:>12}" for value in row) for label, row in rows)]
        lines.append(f"{'test pictures also in train':<32}{len(self.identical):>12}")
        lines.append(f"{'test pictures nearly in train':<32}{len(self.near):>12}")
        lines.append(f"{'left out':<32}{len(self.left_out):>12}")
        lines += [f"  {reason:<30}{count:>12}" for reason, count in self.reasons().items()]
        lines += [f"no split {split}: {reason}" for split, reason in self.missing]
        lines += [report.warning() for report in self.splits if report.split == "train" and report.warning()]
        for title, pairs in (("left out", self.left_out), ("also in train", self.identical), ("nearly", self.near)):
            lines += [f"{title}: {one} ({other})" for one, other in pairs[:_EXAMPLES]]
            lines += [f"{title}: and {len(pairs) - _EXAMPLES} more"] * (len(pairs) > _EXAMPLES)
        # names of files need not be UTF-8, and a terminal would obey what some of them hold
        return printable("\n".join(lines))
