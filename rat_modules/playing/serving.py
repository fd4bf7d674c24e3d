"""Serve the page: to this machine unless told, to nobody's disk, and past every proxy."""

import os
import socket
from typing import Any

from rat_modules.errors import RatError
from rat_modules.playing.gate import Gate
from rat_modules.playing.page import CSS, gradio

FIRST, LAST = 7860, 7959  # ports that are tried where none is asked for
_WAITING = 64  # questions; beyond them visitors are told to come back


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

    host = host.removeprefix("[").removesuffix("]")
    port = _free(host, port)
    # of functions that run in the browser, Gradio would call none
    questions = {number: len(each.inputs) for number, each in blocks.fns.items() if each.fn is not None}
    # gradio asks its own page whether it is there, and would ask a proxy
    for name in ("NO_PROXY", "no_proxy"):
        os.environ[name] = ",".join(filter(None, (os.environ.get(name), "127.0.0.1", "localhost", host)))
    try:
        _, url, _ = blocks.queue(max_size=_WAITING).launch(
            server_name=f"[{host}]" if ":" in host else host, server_port=port,
            prevent_thread_lock=True, quiet=True, share=False, inbrowser=False,
            css=CSS, theme=gr.themes.Default(font="system-ui", font_mono="monospace"), ssr_mode=False,
            footer_links=[], enable_monitoring=False, max_file_size=1,
            app_kwargs={"middleware": [Middleware(Gate, questions=questions)]},
        )  # fmt: skip
    except (OSError, ValueError) as error:
        raise RatError("the page", got=error, expected="to start", hint="choose another --host or --port") from error
    return str(url).replace("//[::]:", "//[::1]:")  # as gradio itself does with 0.0.0.0: nobody lives at "any"


def _free(host: str, port: int | None) -> int:
    reason: OSError | None = None
    for candidate in [port] if port else range(FIRST, LAST + 1):
        try:
            for each in dict.fromkeys((host, "127.0.0.1")):  # gradio wants it of localhost, whatever the host
                family, kind, *_, address = socket.getaddrinfo(each, candidate, type=socket.SOCK_STREAM)[0]
                with socket.socket(family, kind) as tried:
                    tried.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
                    tried.bind(address)
            return int(candidate)
        except OSError as error:
            reason = error
    wanted = f"port {port}" if port else f"ports {FIRST} to {LAST}"
    got = f"{wanted} of {host} ({reason.strerror if reason else 'none'})"
    raise RatError("the page", got=got, expected="a free port of this machine", hint="choose another --port or --host")
