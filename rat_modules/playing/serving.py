"""Serve the page: to this machine unless told, to nobody's disk, and past every proxy."""

import os
import socket
from ipaddress import ip_address
from typing import Any, NamedTuple

from rat_modules.errors import RatError
from rat_modules.playing.gate import Gate
from rat_modules.playing.page import CSS, gradio

FIRST, LAST = 7860, 7959  # ports that are tried where none is asked for
_WAITING = 64  # questions; beyond them visitors are told to come back


class Place(NamedTuple):
    """An address to listen at."""

    family: socket.AddressFamily
    kind: socket.SocketKind
    address: tuple[Any, ...]

    @property
    def others_may_come(self) -> bool:
        """Is it more than this machine's own?"""
        return not ip_address(self.address[0].partition("%")[0]).is_loopback

    def bind(self, port: int) -> None:
        """Try it; OSError where that cannot be."""
        with socket.socket(self.family, self.kind) as tried:
            tried.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            tried.bind((self.address[0], port, *self.address[2:]))


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
    except OSError as error:  # somebody else was sooner since; Gradio would speak of variables and arguments of its own
        raise _taken(f"port {port}", host, "taken just now") from error
    except ValueError as error:
        raise RatError("the page", got=error, expected="to start", hint="choose another --host or --port") from error
    return str(url).replace("//[::]:", "//[::1]:")  # as gradio itself does with 0.0.0.0: nobody lives at "any"


def look_up(host: str) -> Place:
    """Where a host of this machine is.

    Raises:
        RatError: nobody knows it, or it is another machine's.

    Example:
        >>> look_up("127.0.0.1").address[0]
        '127.0.0.1'
    """
    host = host.removeprefix("[").removesuffix("]")
    try:
        if not host:
            raise OSError(0, "no name")
        family, kind, *_, address = socket.getaddrinfo(host, 0, type=socket.SOCK_STREAM)[0]
        place = Place(family, kind, address)
        place.bind(0)
    except (OSError, UnicodeError) as error:  # of a name with an empty part, "a..b", Python says the latter
        got = f"{host!r} ({getattr(error, 'strerror', None) or 'no name'})"
        hint = "127.0.0.1 is for this machine alone, 0.0.0.0 for everybody who reaches it"
        raise RatError("--host", got=got, expected="a name or address of this machine", hint=hint) from error
    return place


def _free(host: str, port: int | None) -> int:
    places = [look_up(each) for each in dict.fromkeys((host, "127.0.0.1"))]  # gradio wants it of localhost anyhow
    reason = "none"
    for candidate in [port] if port else range(FIRST, LAST + 1):
        try:
            for place in places:
                place.bind(candidate)
            return int(candidate)
        except OSError as error:
            reason = str(error.strerror)
    raise _taken(f"port {port}" if port else f"ports {FIRST} to {LAST}", host, reason)


def _taken(wanted: str, host: str, reason: str) -> RatError:
    got = f"{wanted} of {host} ({reason})"
    return RatError("the page", got=got, expected="a free port of this machine", hint="choose another --port or --host")
