"""What lies on the small server of the Hub's protocol: models, branches, commits, files by their hashes."""

import hashlib
import json
from typing import Any


class Refused(Exception):
    """An answer that is no 200."""

    def __init__(self, status: int, told: str, code: str = "") -> None:
        self.status, self.told, self.code = status, told, code


class Hub:
    """What lies on the server: name -> ref -> path -> entry of a tree, and contents by their hashes."""

    def __init__(self) -> None:
        self.commits: dict[str, dict[str, Any]] = {}
        self.models: dict[str, dict[str, str]] = {}  # branch -> commit
        self.contents: dict[str, bytes] = {}
        self.asked: list[str] = []
        self.hidden: set[str] = set()  # models that only their owner sees

    def commit(self, model: str, branch: str, tree: dict[str, Any]) -> str:
        told = json.dumps([model, branch, tree, len(self.commits)]).encode()
        name = hashlib.sha1(told).hexdigest()
        self.commits[name] = tree
        self.models[model][branch] = name
        return name

    def resolve(self, model: str, revision: str) -> str:
        """The commit of a branch, or of a commit."""
        found = self.models[model].get(revision, revision)
        if found not in self.commits:
            raise Refused(404, f"Invalid rev id: {revision}", "RevisionNotFound")
        return found

    def keep(self, content: bytes, *, lfs: bool) -> dict[str, Any]:
        """An entry of a tree; git's own name of a file is a hash of its length and bytes."""
        pointer = f"oid sha256:{hashlib.sha256(content).hexdigest()}\nsize {len(content)}\n".encode()
        blob = pointer if lfs else content
        entry = {"oid": hashlib.sha1(b"blob %d\0" % len(blob) + blob).hexdigest(), "size": len(content)}
        name = hashlib.sha256(content).hexdigest()
        self.contents[name if lfs else entry["oid"]] = content
        return {**entry, "lfs": {"oid": name, "size": len(content), "pointerSize": len(blob)}} if lfs else entry
