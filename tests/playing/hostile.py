"""What visitors send who mean no good, or do not know better, and what the page answers, word for word.

docs/demo.md has a row for each; `tests/playing/test_demo_page.py` holds its words to these.
"""

from typing import Any, NamedTuple


class Sent(NamedTuple):
    """What: as the page says it; fields: of `draw`, or of another question; told: the answer, None where it draws."""

    what: str
    fields: list[Any]
    told: str | None
    question: str = "draw"


SEED, STRENGTH, COUNT = "noise: seed", "noise: strength; trained with 1", "pictures, each with its own noise"
BLOCK = "the recurrence stops after this block: later ones hear its last hidden state"

# typed into the page in a browser
TYPED = [
    Sent("nothing", [""], "caption 1 is empty: got '', expected at least one word"),
    Sent("blanks", ["   "], "caption 1 is empty: got ' ', expected at least one word"),
    Sent("10,000 characters", ["x" * 10_000], "caption: got 10,000 characters, expected 1,000 at most"),
    Sent("emoji", ["🍎🍏 👩🏽‍🔬"], None),
    Sent("right to left", ["תפוח אדום"], None),
    Sent("marks that turn the direction of text", ["red \u202eheart\u202c apple"], None),
    Sent("HTML with a script in it", ["<img src=x onerror=alert(1)><script>alert(2)</script> heart"], None),
]
# sent by hand, past the page, which would not
BY_HAND = [
    Sent("control characters", ["a\x00\x1b[31m heart\x07", 1, 1, 1], None),
    Sent("half of a surrogate pair", ["\ud800 heart", 1, 1, 1],
         "caption 1 is not valid text: got '\\ud800', expected text in UTF-8; "
         "type it anew, or read it from a UTF-8 file"),
    Sent("a million characters", ["x" * 1_000_000, 1, 1, 1],
         "caption: got 1,000,000 characters, expected 1,000 at most"),
    Sent("an empty field", [None, 1, 1, 1], "caption: got an empty field, expected something in it"),
    Sent("a list for a caption", [["a"], 1, 1, 1], "caption: got ['a'], expected a text"),
    Sent("a billion pictures", ["heart", 10**9, 1, 1], f"{COUNT}: got 1000000000, expected a number from 1 to 16"),
    Sent("a word for a number", ["heart", "four", 1, 1], f"{COUNT}: got 'four', expected a number from 1 to 16"),
    Sent("a seed below 0", ["heart", 1, -1, 1], f"{SEED}: got -1, expected a number from 0 to 9007199254740992"),
    Sent("a seed of 70 bits", ["heart", 1, 2**70, 1],
         f"{SEED}: got 1180591620717411303424, expected a number from 0 to 9007199254740992"),
    Sent("a strength beyond floating point", ["heart", 1, 1, 1e300],
         f"{STRENGTH}: got 1e+300, expected a number from 0 to 2"),
    Sent("a strength that is no number", ["heart", 1, 1, float("nan")],
         f"{STRENGTH}: got nan, expected a number from 0 to 2"),
    Sent("a step that is not there", ["a", "b", 99, 1, 1],
         "A up to this step, B from there on: got 99, expected a number from 0 to 20", "mix"),
    Sent("a block that is not there", ["a", -1, 1, 1], f"{BLOCK}: got -1, expected a number from 1 to 5", "inside"),
]  # fmt: skip
FILES = "this page takes no files"
FULL = "Queue is full. Max size is 64 and size is 64."
SECRET = "File not allowed: "
