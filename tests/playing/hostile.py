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
    Sent("a number for a caption", [7, 1, 1, 1], "caption: got 7, expected a text"),
    Sent("a billion pictures", ["heart", 10**9, 1, 1], f"{COUNT}: got 1000000000, expected a number from 1 to 16"),
    Sent("a word for a number", ["heart", "four", 1, 1], f"{COUNT}: got 'four', expected a number from 1 to 16"),
    Sent("a seed that only Python reads", ["heart", 1, "1_0", 1],
         f"{SEED}: got '1_0', expected a number from 0 to 9007199254740992"),
    Sent("a seed that is no number", ["heart", 1, float("nan"), 1],
         f"{SEED}: got nan, expected a number from 0 to 9007199254740992"),
    Sent("a seed between two", ["heart", 1, 1.5, 1], f"{SEED}: got 1.5, expected a whole number"),
    Sent("a truth for a seed", ["heart", 1, True, 1],
         f"{SEED}: got True, expected a number from 0 to 9007199254740992"),
    Sent("a letter for a strength", ["heart", 1, 1, "x"], f"{STRENGTH}: got 'x', expected a number from 0 to 2"),
    Sent("a seed below 0", ["heart", 1, -1, 1], f"{SEED}: got -1, expected a number from 0 to 9007199254740992"),
    Sent("a seed of 70 bits", ["heart", 1, 2**70, 1],
         f"{SEED}: got 1180591620717411303424, expected a number from 0 to 9007199254740992"),
    Sent("a seed of 400 digits", ["heart", 1, 10**399, 1],
         f"{SEED}: got 1{'0' * 59} ..., expected a number from 0 to 9007199254740992"),
    Sent("a strength beyond floating point", ["heart", 1, 1, 1e300],
         f"{STRENGTH}: got 1e+300, expected a number from 0 to 2"),
    Sent("a strength that is no number", ["heart", 1, 1, float("nan")],
         f"{STRENGTH}: got nan, expected a number from 0 to 2"),
    Sent("a step that is not there", ["a", "b", 99, 1, 1],
         "A up to this step, B from there on: got 99, expected a number from 0 to 20", "mix"),
    Sent("a block that is not there", ["a", -1, 1, 1], f"{BLOCK}: got -1, expected a number from 1 to 5", "inside"),
]  # fmt: skip
PLAIN = "a text, a number, true, false or null"
DOWNLOAD = {"path": "http://example.org/a.png", "meta": {"_type": "gradio.FileData"}}
# what is not what the page sends, and the line of its 403
REFUSED = [
    Sent("an address that Gradio would download, for a caption", [DOWNLOAD, 1, 1, 1],
         f"field 1: got an object, expected {PLAIN}"),
    Sent("a list for a caption", [["a"], 1, 1, 1], f"field 1: got a list, expected {PLAIN}"),
    Sent("fewer fields than there are", ["heart", 1, 1], "data: got 3 fields, expected 4"),
    Sent("more fields than there are", ["heart", 1, 1, 1, 1], "data: got 5 fields, expected 4"),
]  # fmt: skip
NUMBER = "expected the number of a question of this page"
# what is no question of the page: changes of a sound one, or other bytes; and the line of its 403
NO_QUESTIONS: dict[str, tuple[dict[str, Any] | bytes, str]] = {
    "no fields at all": ({"data": None}, "data: got nothing, expected a list of fields"),
    "a question that is not there": ({"fn_index": 999}, f"fn_index: got a number, {NUMBER}"),
    "a question of the browser": ({"fn_index": 0}, f"fn_index: got a number, {NUMBER}"),
    "no number of a question": ({"fn_index": None}, f"fn_index: got nothing, {NUMBER}"),
    "a trigger that is none": ({"trigger_id": "x"}, "trigger_id: got a text, expected a number"),
    "the session of a stranger": ({"session_hash": "../../etc"},
                                  "session_hash: got a text, expected 1 to 64 letters and digits"),
    "no JSON": (b"{", "the question: got no JSON, expected an object"),
    "JSON nested deeply": (b"[" * 100_000, "the question: got no JSON, expected an object"),
    "a number of 5,000 digits": (b"9" * 5000, "the question: got no JSON, expected an object"),
    "text that is not UTF-8": (b"\xff", "the question: got no JSON, expected an object"),
    "8 MB": (b" " * 2**23, "this question is larger than 4,194,304 bytes"),
}  # fmt: skip
CLOSED = "this page does not answer that"
# of Gradio, that the page has no use for
DOORS = [
    ("GET", "gradio_api/deep_link?session_hash=abc"), ("GET", "monitoring"), ("GET", "monitoring/summary"),
    ("GET", "monitoring/x"), ("GET", "gradio_api/monitoring"), ("GET", "gradio_api/info"),
    ("GET", "gradio_api/openapi.json"),
    ("GET", "gradio_api/heartbeat/abc"), ("GET", "gradio_api/runs"),
    ("GET", "gradio_api/custom_component/x/client/x/x"),
    ("POST", "gradio_api/call/draw"), ("POST", "gradio_api/call/v2/draw"), ("POST", "gradio_api/run/draw"),
    ("POST", "gradio_api/api/draw"), ("POST", "gradio_api/cancel"), ("POST", "gradio_api/reset"), ("POST", "login"),
    ("POST", "gradio_api/vibe-edit"), ("GET", "gradio_api/queue/join"), ("PUT", "config"), ("POST", ""),
    ("GET", "static/..%2f..%2froutes.py"), ("GET", "assets/../../routes.py"), ("GET", "anything"),
    ("GET", "static/" + "a" * 5000),
]  # fmt: skip
FULL = "Queue is full. Max size is 64 and size is 64."
