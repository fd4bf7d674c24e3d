"""An environment of its own, in which pip installs the packages under plugins/ and takes them away again."""

import json
import os
import re
import subprocess
import sys
import sysconfig
import tomllib
import venv
from collections.abc import Callable
from pathlib import Path
from typing import Any

import attrs
import pytest

FOLDERS = sorted(path.parent for path in (Path(__file__).parents[2] / "plugins").glob("*/pyproject.toml"))

Command = Callable[..., "subprocess.CompletedProcess[str]"]


@attrs.frozen
class Package:
    """One folder under plugins/."""

    folder: Path
    pyproject: dict[str, Any] = attrs.field(repr=False)

    @classmethod
    def read(cls, folder: Path) -> "Package":
        return cls(folder, tomllib.loads((folder / "pyproject.toml").read_text(encoding="utf-8")))

    @property
    def name(self) -> str:
        return self.pyproject["project"]["name"]

    @property
    def version(self) -> str:
        return self.pyproject["project"]["version"]

    @property
    def plugin(self) -> str:
        """What `rat-modules plugins` calls it."""
        (name,) = self.pyproject["project"]["entry-points"]["rat_modules"]
        return name

    @property
    def needs(self) -> list[str]:
        """Names of the distributions that it and its tests need."""
        project = self.pyproject["project"]
        words = [*project["dependencies"], *project.get("optional-dependencies", {}).get("test", ())]
        return [re.match(r"[\w.-]+", word)[0] for word in words]

    @property
    def skipped_without(self) -> list[str]:
        """Those of which it says that its tests may be left out where they are not installed."""
        return self.pyproject.get("tool", {}).get("rat_modules", {}).get("skip-without", [])


class Environment:
    """A virtual environment that also sees everything installed here."""

    def __init__(self, folder: Path) -> None:
        venv.create(folder, symlinks=True)
        (site,) = folder.glob("lib/python*/site-packages")
        here = sysconfig.get_path("purelib")
        site.joinpath("here.pth").write_text(f"import site; site.addsitedir({here!r})\n")
        self.programs = folder / "bin"
        # the console script that pip would write there
        script = self.programs / "rat-modules"
        script.write_text(f"#!{self.programs}/python\nimport sys\nfrom rat_modules.cli import main\nsys.exit(main())\n")
        script.chmod(0o755)

    def run(self, *words: str | Path, cwd: Path | None = None) -> "subprocess.CompletedProcess[str]":
        """Run one of its programs."""
        return subprocess.run(
            [str(self.programs / words[0]), *map(str, words[1:])],
            cwd=cwd,
            env={**os.environ, "OMP_NUM_THREADS": "1"},
            capture_output=True,
            text=True,
            timeout=600,
        )

    def install(self, *folders: Path) -> None:
        self._pip("install", "--no-index", "--no-deps", "--no-build-isolation", *folders)

    def uninstall(self, *names: str) -> None:
        self._pip("uninstall", "--yes", *names)

    def _pip(self, verb: str, *words: str | Path) -> None:
        # without a network
        flags = ["--disable-pip-version-check", "--python", str(self.programs / "python"), verb, "--quiet"]
        done = subprocess.run([sys.executable, "-m", "pip", *flags, *map(str, words)], capture_output=True, text=True)
        assert done.returncode == 0, done.stderr

    def rows(self, *words: str) -> list[dict[str, str]]:
        """What a listing of `rat-modules` says, without a word of complaint."""
        done = self.run("rat-modules", *words, "--json")
        assert (done.returncode, done.stderr) == (0, "")
        rows: list[dict[str, str]] = json.loads(done.stdout)
        return rows

    def owned(self, plugin: str, *words: str) -> list[dict[str, str]]:
        """Components and recipes of one plugin."""
        return [row for verb in ("components", "recipes") for row in self.rows(*words, verb) if row["owner"] == plugin]

    def missing(self, package: Package) -> list[str]:
        """What the package needs and is not installed."""
        code = """
import sys
from importlib.metadata import PackageNotFoundError, version

for name in sys.argv[1:]:
    try:
        version(name)
    except PackageNotFoundError:
        print(name)
"""
        done = self.run("python", "-c", code, *package.needs)
        assert done.returncode == 0, done.stderr
        return done.stdout.split()


@pytest.fixture(scope="session")
def environment(tmp_path_factory: pytest.TempPathFactory) -> Environment:
    return Environment(tmp_path_factory.mktemp("environment"))


def usable(environment: Environment, package: Package) -> None:
    """Fail where a package's dependencies are missing, or skip where it says that this may be."""
    missing = environment.missing(package)
    if missing and set(missing) <= set(package.skipped_without):
        pytest.skip(f"{package.name} says that it is not tested without {', '.join(missing)}")
    if missing:
        pytest.fail(
            f"{package.name} needs {', '.join(missing)}, which this environment has not: put it into the extra dev of "
            "the root's pyproject.toml, or into [tool.rat_modules] skip-without of the package's own"
        )
