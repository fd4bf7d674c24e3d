"""An environment of its own for the packages of plugins/, and programs to run in it."""

import os
import subprocess
import sys
import sysconfig
import venv
from collections.abc import Callable
from pathlib import Path

import pytest

Command = Callable[..., "subprocess.CompletedProcess[str]"]
Pip = Callable[..., None]


@pytest.fixture(scope="module")
def environment(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A virtual environment that also sees everything installed here; returns its folder of programs."""
    folder = tmp_path_factory.mktemp("environment")
    venv.create(folder, symlinks=True)
    (site,) = folder.glob("lib/python*/site-packages")
    here = sysconfig.get_path("purelib")
    site.joinpath("here.pth").write_text(f"import site; site.addsitedir({here!r})\n")
    programs = folder / "bin"
    # the console script that pip would write there
    script = programs / "rat-modules"
    script.write_text(f"#!{programs}/python\nimport sys\nfrom rat_modules.cli import main\nsys.exit(main())\n")
    script.chmod(0o755)
    return programs


@pytest.fixture(scope="module")
def command(environment: Path) -> Command:
    """Run a program of the environment."""

    def run_command(*words: str | Path, cwd: Path | None = None) -> "subprocess.CompletedProcess[str]":
        return subprocess.run(
            [str(environment / words[0]), *map(str, words[1:])],
            cwd=cwd,
            env={**os.environ, "OMP_NUM_THREADS": "1"},
            capture_output=True,
            text=True,
            timeout=600,
        )

    return run_command


@pytest.fixture(scope="module")
def pip(environment: Path) -> Pip:
    """Let pip work on the environment, without a network."""

    def run_pip(*words: str | Path) -> None:
        flags = ["--disable-pip-version-check", "--quiet", "--python", str(environment / "python")]
        done = subprocess.run(
            [sys.executable, "-m", "pip", *flags, *map(str, words)],
            env={**os.environ, "PIP_NO_INDEX": "1"},
            capture_output=True,
            text=True,
        )
        assert done.returncode == 0, done.stderr

    return run_pip
