"""What every answer of the small Hub needs: who asks, whether they may, and how it is sent."""

import json
import re
from collections.abc import Callable
from http.server import BaseHTTPRequestHandler
from typing import Any
from urllib.parse import unquote, urlsplit

from .hub_store import Hub, Refused

WRITER, READER = "hf_writer", "hf_reader"  # tokens: of somebody, who owns what is pushed, and of anybody else
OWNER = "somebody"


class Speaker(BaseHTTPRequestHandler):
    """It finds the answer to a request by the pattern of method and path."""

    hub: Hub
    routes: list[tuple[str, Callable[..., None]]]
    protocol_version = "HTTP/1.1"

    def log_message(self, *_: Any) -> None: ...

    def do_GET(self) -> None:
        path = unquote(urlsplit(self.path).path)
        body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        self.hub.asked.append(f"{self.command} {path}" + (" with the token" if self.token else ""))
        try:
            for pattern, answer in self.routes:
                if found := re.fullmatch(pattern, f"{self.command.replace('HEAD', 'GET')} {path}"):
                    return answer(self, body, *found.groups())
            raise Refused(404, f"no route {path}")
        except Refused as refused:
            code = {"X-Error-Code": refused.code} if refused.code else {}
            self.send(refused.status, {"error": refused.told}, {"X-Error-Message": refused.told, **code})

    do_HEAD = do_POST = do_PUT = do_GET

    def send(self, status: int, content: Any, headers: dict[str, str] | None = None) -> None:
        raw = content if isinstance(content, bytes) else json.dumps(content).encode()
        self.send_response(status)
        for name, value in {"Content-Length": str(len(raw)), **(headers or {})}.items():
            self.send_header(name, value)
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(raw)

    @property
    def endpoint(self) -> str:
        return "http://{}:{}".format(*self.server.server_address[:2])

    @property
    def elsewhere(self) -> str:
        """Contents lie on another host than the Hub; here, the same by another name."""
        return f"http://localhost:{self.server.server_address[1]}"

    @property
    def token(self) -> str:
        return (self.headers.get("Authorization") or "").removeprefix("Bearer ")

    def may_read(self, model: str) -> None:
        if model not in self.hub.models or (model in self.hub.hidden and self.token != WRITER):
            raise Refused(404 if self.token else 401, "Repository not found", "RepoNotFound")

    def may_write(self, owner: str) -> None:
        if self.token not in (WRITER, READER):
            raise Refused(401, "Invalid credentials in Authorization header" if self.token else "Unauthorized")
        if self.token != WRITER or owner != OWNER:
            raise Refused(403, f"You don't have the rights to write to {owner}")
