"""An environment in which nothing is installed but what a package says that it needs, made without a network.

What a requirement leads to is linked from the environment of the tests, one distribution at a time; pip finds it there
as if it had installed it. So what the package imports and does not declare is missing, as it would be elsewhere.
"""

import json
import os
import subprocess
import sys
import venv
from collections.abc import Iterable
from importlib.metadata import Distribution, PackageNotFoundError, distribution
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name


def closure(requirements: Iterable[str], own: Iterable[str] = ()) -> dict[str, Distribution]:
    """Everything that requirements lead to on this machine, by name.

    Args:
        requirements: as in pyproject.toml.
        own: names that are left out: those of packages of ours.
    """
    found: dict[str, Distribution] = {}
    seen: set[tuple[str, str]] = set()
    waiting = [Requirement(requirement) for requirement in requirements]
    while waiting:
        requirement = waiting.pop()
        name = canonicalize_name(requirement.name)
        for extra in {"", *requirement.extras}:
            if (name, extra) in seen or name in own:
                continue
            seen.add((name, extra))
            try:
                found[name] = distribution(name)
            except PackageNotFoundError:
                pytest.fail(f"{name} is not installed: make test would have done so")
            for needed in map(Requirement, found[name].requires or ()):
                if needed.marker is None or needed.marker.evaluate({"extra": extra}):
                    waiting.append(needed)
    return found


class Bare:
    """A virtual environment with its programs, run from a folder elsewhere.

    Args:
        folder: of the environment; made where `distributions` are given.
        elsewhere: where its programs are run.
        distributions: what it holds from the start.
    """

    def __init__(self, folder: Path, elsewhere: Path, distributions: Iterable[Distribution] | None = None) -> None:
        self.folder, self.programs, self.elsewhere = folder, folder / "bin", elsewhere
        if distributions is not None:
            venv.create(folder, symlinks=True)
        (self.site,) = folder.glob("lib/python*/site-packages")
        for found in distributions or ():
            for top in {file.parts[0] for file in found.files or ()} - {"..", "__pycache__"}:
                link = self.site / top
                if not link.is_symlink():  # two distributions may share a folder
                    link.symlink_to(Path(found.locate_file(top)).resolve())

    def run(self, *words: str | Path) -> "subprocess.CompletedProcess[str]":
        """Run one of its programs, to which no variable tells where this repository lies."""
        own = {name: value for name, value in os.environ.items() if not name.startswith(("PYTHON", "RAT_", "TRITON"))}
        return subprocess.run(
            [str(self.programs / words[0]), *map(str, words[1:])],
            cwd=self.elsewhere,
            env={**own, "OMP_NUM_THREADS": "1"},
            capture_output=True,
            text=True,
            timeout=600,
        )

    def said(self, *words: str | Path) -> str:
        """What a program prints when it is content."""
        done = self.run(*words)
        assert done.returncode == 0, done.stderr + done.stdout
        return done.stdout

    def pip(self, verb: str, *words: str | Path) -> str:
        """Run the pip of the tests on it; what is missing is not fetched but told."""
        flags = ["--disable-pip-version-check", "--python", str(self.programs / "python"), verb]
        done = subprocess.run([sys.executable, "-m", "pip", *flags, *map(str, words)], capture_output=True, text=True)
        assert done.returncode == 0, done.stderr + done.stdout
        return done.stdout

    def install(self, *wheels: str | Path) -> None:
        """Install wheels, with their requirements, of which every one has to be there."""
        self.pip("install", "--quiet", "--no-index", *wheels)

    def installed(self) -> dict[str, str]:
        """Versions by name."""
        rows = json.loads(self.pip("list", "--format=json"))
        return {canonicalize_name(row["name"]): row["version"] for row in rows}

    def files(self) -> set[str]:
        """Every path of the environment, without what the links lead to."""
        # Python compiles what is linked and is one file, such as typing_extensions.py; ours are folders
        found = (path for path in self.folder.rglob("*") if self.site / "__pycache__" not in (path, path.parent))
        return {path.relative_to(self.folder).as_posix() for path in found}
