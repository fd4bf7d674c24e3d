"""What a question to the page may hold: a plain value for each field, and nothing that Gradio would follow."""

import json
import re
from collections.abc import Mapping
from urllib.parse import parse_qs

from rat_modules.errors import RatError

_SESSION = re.compile("[a-zA-Z0-9]{1,64}")


def plain(sent: bytes, questions: Mapping[int, int]) -> bytes:
    """A question, written anew of what the page would send in it and of nothing else.

    Args:
        sent: JSON.
        questions: number of a function of the page -> how many fields it asks for.

    Raises:
        RatError: it asks for what is not there, or sends anything but as many texts, numbers, true, false or null as
            there are fields. Gradio takes anything deeper for files, and downloads those that have an address.

    Example:
        >>> plain(b'{"fn_index": 1, "data": ["a", 2], "session_hash": "abc", "event_id": "mine"}', {1: 2})
        b'{"fn_index": 1, "data": ["a", 2], "session_hash": "abc", "trigger_id": null}'
        >>> plain(b'{"fn_index": 1, "data": ["a", {}], "session_hash": "abc"}', {1: 2})
        Traceback (most recent call last):
        rat_modules.errors.RatError: field 2: got an object, expected a text, a number, true, false or null
    """
    try:
        asked = json.loads(sent)
    except (ValueError, RecursionError) as error:
        raise RatError("the question", got="no JSON", expected="an object") from error
    if not isinstance(asked, dict):
        raise RatError("the question", got=_kind(asked), expected="an object")
    question, data, session, trigger = (asked.get(name) for name in ("fn_index", "data", "session_hash", "trigger_id"))
    if type(question) is not int or question not in questions:
        raise RatError("fn_index", got=_kind(question), expected="the number of a question of this page")
    if not isinstance(session, str) or not _SESSION.fullmatch(session):
        raise RatError("session_hash", got=_kind(session), expected="1 to 64 letters and digits")
    if trigger is not None and type(trigger) is not int:
        raise RatError("trigger_id", got=_kind(trigger), expected="a number")
    if not isinstance(data, list):
        raise RatError("data", got=_kind(data), expected="a list of fields")
    if len(data) != questions[question]:
        raise RatError("data", got=f"{len(data)} fields", expected=f"{questions[question]}")
    for place, value in enumerate(data, 1):
        if isinstance(value, list | dict):
            raise RatError(f"field {place}", got=_kind(value), expected="a text, a number, true, false or null")
    return json.dumps({"fn_index": question, "data": data, "session_hash": session, "trigger_id": trigger}).encode()


def plain_session(query: bytes) -> bytes:
    """A query that names a session and nothing else.

    Raises:
        RatError: it names none.

    Example:
        >>> plain_session(b"session_hash=abc&deep_link=mine")
        b'session_hash=abc'
    """
    named = parse_qs(query.decode("latin1")).get("session_hash", [""])[0]
    if not _SESSION.fullmatch(named):
        raise RatError("session_hash", got="another", expected="1 to 64 letters and digits")
    return f"session_hash={named}".encode()


def _kind(value: object) -> str:
    kinds = {dict: "an object", list: "a list", str: "a text", type(None): "nothing"}
    return kinds.get(type(value), "a number" if isinstance(value, int | float) else "something else")
