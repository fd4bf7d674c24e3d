"""A small server that speaks the Hub's protocol as far as models need it; huggingface_hub talks to it.

Repositories, branches, commits as NDJSON, files in git or by LFS (batch, upload, verify), and downloads by `resolve`,
of which those by LFS are redirected to another host. Xet, the newer store, is not spoken: HF_HUB_DISABLE_XET=1.
"""

import base64
import hashlib
import json
import re
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import ThreadingHTTPServer

from .hub_speaker import OWNER, Speaker
from .hub_store import Hub, Refused


class Handler(Speaker):
    """An answer gets what was sent, and what the pattern of its route found in the path."""

    def create(self, body: bytes) -> None:
        asked = json.loads(body)
        owner = asked["organization"] or OWNER
        self.may_write(owner)
        name = f"{owner}/{asked['name']}"
        taken = name in self.hub.models
        if not taken:
            self.hub.models[name] = {}
            if asked.get("visibility") == "private":
                self.hub.hidden.add(name)
            self.hub.commit(name, "main", {".gitattributes": self.hub.keep(b"*.safetensors lfs\n", lfs=False)})
        told = {"url": f"{self.endpoint}/{name}"}
        self.send(409 if taken else 200, {**told, "error": "You already created this model repo"} if taken else told)

    def validate(self, body: bytes) -> None:
        card = json.loads(body)["content"]
        fits = re.match(r"---\n(.+\n)+---\n", card)
        told = [] if fits else [{"message": "no metadata"}]
        self.send(200 if fits else 400, {"errors": told, "warnings": []})

    def branch(self, body: bytes, model: str, name: str) -> None:
        self.may_write(model.split("/")[0])
        if name in self.hub.models[model]:
            raise Refused(409, "Reference already exists")
        self.hub.models[model][name] = self.hub.resolve(model, json.loads(body).get("startingPoint", "main"))
        self.send(200, {})

    def preupload(self, body: bytes, model: str, revision: str) -> None:
        self.may_write(model.split("/")[0])
        there = self.hub.commits[self.hub.resolve(model, revision)]
        files = [
            {
                "path": each["path"],
                "shouldIgnore": False,
                "uploadMode": "lfs" if each["path"].endswith((".safetensors", ".png")) else "regular",
                "oid": there.get(each["path"], {}).get("oid"),
            }
            for each in json.loads(body)["files"]
        ]
        self.send(200, {"files": files})

    def batch(self, body: bytes, model: str) -> None:
        self.may_write(model.split("/")[0])
        objects = []
        for each in json.loads(body)["objects"]:
            actions = {
                "upload": {"href": f"{self.elsewhere}/store/{each['oid']}"},
                "verify": {"href": f"{self.endpoint}/verify"},
            }
            objects.append({**each, **({} if each["oid"] in self.hub.contents else {"actions": actions})})
        self.send(200, {"transfer": "basic", "objects": objects})

    def upload(self, body: bytes, name: str) -> None:
        if hashlib.sha256(body).hexdigest() != name:
            raise Refused(400, "the content is not what its name says")
        self.hub.contents[name] = body
        self.send(200, b"")

    def verify(self, body: bytes) -> None:
        asked = json.loads(body)
        if len(self.hub.contents.get(asked["oid"], b"")) != asked["size"]:
            raise Refused(404, "not there")
        self.send(200, {})

    def commit(self, body: bytes, model: str, revision: str) -> None:
        self.may_write(model.split("/")[0])
        tree = dict(self.hub.commits[self.hub.resolve(model, revision)])
        for line in map(json.loads, body.splitlines()):
            value = line["value"]
            if line["key"] == "file":
                tree[value["path"]] = self.hub.keep(base64.b64decode(value["content"]), lfs=False)
            elif line["key"] == "lfsFile":
                tree[value["path"]] = self.hub.keep(self.hub.contents[value["oid"]], lfs=True)
            elif line["key"] != "header":
                raise Refused(400, f"what is {line['key']}?")
        name = self.hub.commit(model, revision, tree)
        self.send(200, {"commitUrl": f"{self.endpoint}/{model}/commit/{name}", "commitOid": name})

    def info(self, _: bytes, model: str, revision: str | None) -> None:
        self.may_read(model)
        name = self.hub.resolve(model, revision or "main")
        siblings = [{"rfilename": path} for path in self.hub.commits[name]]
        self.send(200, {"id": model, "sha": name, "siblings": siblings})

    def tree(self, _: bytes, model: str, revision: str) -> None:
        self.may_read(model)
        files = self.hub.commits[self.hub.resolve(model, revision)]
        self.send(200, [{"type": "file", "path": path, **entry} for path, entry in files.items()])

    def file(self, _: bytes, model: str, revision: str, path: str) -> None:
        self.may_read(model)
        name = self.hub.resolve(model, revision)
        entry = self.hub.commits[name].get(path)
        headers = {"X-Repo-Commit": name}
        if entry is None:
            raise Refused(404, "Entry not found", "EntryNotFound")
        if "lfs" not in entry:
            return self.send(200, self.hub.contents[entry["oid"]], {**headers, "ETag": f'"{entry["oid"]}"'})
        oid = entry["lfs"]["oid"]
        linked = {"X-Linked-Etag": f'"{oid}"', "X-Linked-Size": str(entry["size"])}
        self.send(302, b"", {**headers, **linked, "Location": f"{self.elsewhere}/store/{oid}"})

    def stored(self, _: bytes, name: str) -> None:
        self.send(200, self.hub.contents[name], {"ETag": f'"{name}"'})


MODEL = r"([\w.-]+/[\w.-]+)"
ROUTES = [
    (r"POST /api/repos/create", Handler.create),
    (r"POST /api/validate-yaml", Handler.validate),
    (rf"POST /api/models/{MODEL}/branch/(.+)", Handler.branch),
    (rf"POST /api/models/{MODEL}/preupload/(.+)", Handler.preupload),
    (rf"POST /{MODEL}\.git/info/lfs/objects/batch", Handler.batch),
    (r"PUT /store/(\w+)", Handler.upload),
    (r"POST /verify", Handler.verify),
    (rf"POST /api/models/{MODEL}/commit/(.+)", Handler.commit),
    (rf"GET /api/models/{MODEL}(?:/revision/(.+))?", Handler.info),
    (rf"GET /api/models/{MODEL}/tree/([^/]+)", Handler.tree),
    (rf"GET /{MODEL}/resolve/([^/]+)/(.+)", Handler.file),
    (r"GET /store/(\w+)", Handler.stored),
]


@contextmanager
def hub_server() -> Iterator[tuple[str, Hub]]:
    """Its address, and what lies on it."""
    hub = Hub()
    server = ThreadingHTTPServer(("127.0.0.1", 0), type("Here", (Handler,), {"hub": hub, "routes": ROUTES}))
    threading.Thread(target=server.serve_forever, daemon=True).start()
    try:
        yield "http://{}:{}".format(*server.server_address[:2]), hub
    finally:
        server.shutdown()
        server.server_close()
