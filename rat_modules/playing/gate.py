"""What of a visitor's requests reaches Gradio: those that the page makes. Gradio answers many more, to anybody."""

import re
from collections.abc import Awaitable, Callable, Mapping, MutableMapping
from typing import Any

from rat_modules.errors import RatError
from rat_modules.playing.plain import plain, plain_session

Message = MutableMapping[str, Any]
Send = Callable[[Message], Awaitable[None]]

ASK, HEAR = "/gradio_api/queue/join", "/gradio_api/queue/data"
# startup-events: Gradio itself asks for it, once, before anybody comes; app_id: a page whose connection was lost
_PAGES = {"/", "/config", "/theme.css", "/manifest.json", "/favicon.ico",
          "/gradio_api/app_id", "/gradio_api/startup-events"}  # fmt: skip
_FOLDERS = ("/assets/", "/static/")
_MOST = 2**22  # bytes of a question; what a field holds beyond its own limit is told by the field
_LONGEST = 200  # letters of a path; the disk would fail over the name
# what a proxy in front says of itself; Gradio fails over what is no host
_HOST = re.compile(rb"[a-zA-Z0-9-]{1,63}(\.[a-zA-Z0-9-]{1,63})*(:\d{1,5})?")
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
        scope = {**scope, "headers": [each for each in scope["headers"] if _sound(*each)]}
        try:
            if path == ASK and method == "POST":
                question = plain(await _body(receive), self.questions)
                return await self.app({**scope, "headers": _head(scope, question)}, _once(question, receive), send)
            if path == HEAR and method == "GET":
                return await self._hear({**scope, "query_string": plain_session(scope["query_string"])}, receive, send)
            inside = path.startswith(_FOLDERS) and ".." not in path.split("/") and len(path) < _LONGEST
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


def _sound(name: bytes, value: bytes) -> bool:
    return name != b"x-gradio-server" and (name != b"x-forwarded-host" or bool(_HOST.fullmatch(value)))


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
