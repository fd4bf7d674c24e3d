"""Serve the page: to this machine unless told, to nobody's disk, and past every proxy."""

import os
import socket
from collections.abc import Awaitable, Callable, MutableMapping
from typing import Any

from rat_modules.errors import RatError
from rat_modules.playing.page import CSS, gradio

FIRST, LAST = 7860, 7959  # ports that are tried where none is asked for
_WAITING = 64  # questions; beyond them visitors are told to come back

Message = MutableMapping[str, Any]


class NoUploads:
    """No visitor sends files: Gradio would take them from anybody, keep them, and show them on request."""

    def __init__(self, app: Callable[..., Awaitable[None]]) -> None:
        self.app = app

    async def __call__(self, scope: Message, receive: Any, send: Callable[[Message], Awaitable[None]]) -> None:
        """Answer 403 to whatever would upload, and pass everything else on."""
        if scope["type"] == "http" and scope["path"].rstrip("/").endswith(("/upload", "/upload_progress")):
            head = [(b"content-type", b"text/plain")]
            await send({"type": "http.response.start", "status": 403, "headers": head})
            await send({"type": "http.response.body", "body": b"this page takes no files"})
            return
        await self.app(scope, receive, send)


def serve(blocks: Any, host: str, port: int | None) -> str:
    """Start the page in the background.

    Args:
        blocks: of `page`.
        host: who may come; "0.0.0.0" is everybody.
        port: None takes the first free one from 7860.

    Returns:
        Its address.

    Raises:
        RatError: the host is none of this machine's, the port is not free, or gradio is missing.
    """
    gr = gradio()
    from starlette.middleware import Middleware

    port = _free(host, port)
    # gradio asks its own page whether it is there, and would ask a proxy
    for name in ("NO_PROXY", "no_proxy"):
        os.environ[name] = ",".join(filter(None, (os.environ.get(name), "127.0.0.1", "localhost", host)))
    try:
        _, url, _ = blocks.queue(max_size=_WAITING).launch(
            server_name=host, server_port=port, prevent_thread_lock=True, quiet=True, share=False, inbrowser=False,
            css=CSS, theme=gr.themes.Default(font="system-ui", font_mono="monospace"), ssr_mode=False,
            max_file_size=1, app_kwargs={"middleware": [Middleware(NoUploads)]},
        )  # fmt: skip
    except (OSError, ValueError) as error:
        raise RatError("the page", got=error, expected="to start", hint="choose another --host or --port") from error
    return str(url)


def _free(host: str, port: int | None) -> int:
    reason: OSError | None = None
    for candidate in [port] if port else range(FIRST, LAST + 1):
        try:
            family, kind, *_, address = socket.getaddrinfo(host, candidate, type=socket.SOCK_STREAM)[0]
            with socket.socket(family, kind) as tried:
                tried.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
                tried.bind(address)
            return int(candidate)
        except OSError as error:
            reason = error
    wanted = f"port {port}" if port else f"ports {FIRST} to {LAST}"
    got = f"{wanted} of {host} ({reason.strerror if reason else 'none'})"
    raise RatError("the page", got=got, expected="a free port of this machine", hint="choose another --port or --host")
