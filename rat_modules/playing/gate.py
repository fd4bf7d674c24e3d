"""What of a visitor's requests reaches Gradio: those that the page makes. Gradio answers many more, to anybody."""

import json
import re
from collections.abc import Awaitable, Callable, Mapping, MutableMapping
from typing import Any
from urllib.parse import parse_qs

from rat_modules.errors import RatError

Message = MutableMapping[str, Any]
Send = Callable[[Message], Awaitable[None]]

ASK, HEAR = "/gradio_api/queue/join", "/gradio_api/queue/data"
# startup-events: Gradio itself asks for it, once, before anybody comes; app_id: a page whose connection was lost
_PAGES = {"/", "/config", "/theme.css", "/manifest.json", "/favicon.ico",
          "/gradio_api/app_id", "/gradio_api/startup-events"}  # fmt: skip
_FOLDERS = ("/assets/", "/static/")
_MOST = 2**22  # bytes of a question; what a field holds beyond its own limit is told by the field
_SESSION = re.compile("[a-zA-Z0-9]{1,64}")
CLOSED, LARGE = "this page does not answer that", f"this question is larger than {_MOST:,} bytes"


class Gate:
    """Pass the page's own requests on, and answer every other with 403 and one line.

    Behind it, nothing is uploaded, downloaded, read from or written to the disk, and no visitor is told of others.

    Args:
        app: Gradio's.
        questions: number of a function of the page -> how many fields it asks for.
    """

    def __init__(self, app: Callable[..., Awaitable[None]], questions: Mapping[int, int]) -> None:
        self.app, self.questions = app, questions

    async def __call__(self, scope: Message, receive: Any, send: Send) -> None:
        """Answer, or let Gradio answer."""
        if scope["type"] == "lifespan":
            return await self.app(scope, receive, send)
        if scope["type"] != "http":
            return await send({"type": "websocket.close", "code": 1008})
        path, method = scope["path"], scope["method"]
        try:
            if path == ASK and method == "POST":
                question = plain(await _body(receive), self.questions)
                return await self.app({**scope, "headers": _head(scope, question)}, _once(question, receive), send)
            if path == HEAR and method == "GET":
                return await self._hear({**scope, "query_string": _session(scope["query_string"])}, receive, send)
            inside = path.startswith(_FOLDERS) and ".." not in path.split("/")
            if method in ("GET", "HEAD") and (path in _PAGES or inside):
                # no query: `deep_link` would name a folder of the disk
                return await self.app({**scope, "query_string": b""}, receive, send)
            raise RatError(CLOSED)
        except RatError as refused:
            return await _refuse(send, str(refused))

    async def _hear(self, scope: Message, receive: Any, send: Send) -> None:
        try:
            await self.app(scope, receive, send)
        except RuntimeError as error:
            if getattr(error.__cause__, "status_code", None) != 404:
                raise
            # Gradio has said that it does not know this session, and then fails over it with a trace in the terminal
            await send({"type": "http.response.body", "body": b""})


def plain(sent: bytes, questions: Mapping[int, int]) -> bytes:
    """A question, written anew of what the page would send in it and of nothing else.

    Args:
        sent: JSON.
        questions: as of `Gate`.

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


def _kind(value: object) -> str:
    kinds = {dict: "an object", list: "a list", str: "a text", type(None): "nothing"}
    return kinds.get(type(value), "a number" if isinstance(value, int | float) else "something else")


def _session(query: bytes) -> bytes:
    named = parse_qs(query.decode("latin1")).get("session_hash", [""])[0]
    if not _SESSION.fullmatch(named):
        raise RatError("session_hash", got="another", expected="1 to 64 letters and digits")
    return f"session_hash={named}".encode()


async def _body(receive: Any) -> bytes:
    pieces, size = list[bytes](), 0
    while True:
        message = await receive()
        if message["type"] == "http.disconnect":
            raise RatError("the question", got="a part of it", expected="all")
        piece = message.get("body", b"")
        size += len(piece)
        if size <= _MOST:
            pieces.append(piece)
        if not message.get("more_body"):  # read to its end: who is still sending hears no answer
            break
    if size > _MOST:
        raise RatError(LARGE)
    return b"".join(pieces)


def _head(scope: Message, question: bytes) -> list[tuple[bytes, bytes]]:
    kept = [(name, value) for name, value in scope["headers"] if name not in (b"content-length", b"transfer-encoding")]
    return [*kept, (b"content-length", str(len(question)).encode())]


def _once(question: bytes, receive: Any) -> Callable[[], Awaitable[Message]]:
    waiting: list[Message] = [{"type": "http.request", "body": question, "more_body": False}]

    async def next_one() -> Message:
        return waiting.pop() if waiting else await receive()

    return next_one


async def _refuse(send: Send, line: str) -> None:
    head = [(b"content-type", b"text/plain; charset=utf-8")]
    await send({"type": "http.response.start", "status": 403, "headers": head})
    await send({"type": "http.response.body", "body": line.encode()})
