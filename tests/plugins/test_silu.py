"""The example package, installed and taken away again by pip, in an environment of its own."""

import json
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from ..pages import Reader

PACKAGE = Path(__file__).parents[2] / "plugins" / "rat-modules-silu"
NAMES = {"silu", "silu-affine", "ratgan-silu"}

Command = Callable[..., "subprocess.CompletedProcess[str]"]
Pip = Callable[..., None]


@pytest.fixture(scope="module")
def installed(pip: Pip) -> Iterator[None]:
    """The package, in the environment while the tests of this file run."""
    pip("install", "--no-deps", "--no-build-isolation", PACKAGE)
    yield
    pip("uninstall", "--yes", "rat-modules-silu")


def listed(command: Command, *words: str) -> list[dict[str, str]]:
    done = command("rat-modules", *words, "--json")
    assert (done.returncode, done.stderr) == (0, "")
    rows: list[dict[str, str]] = json.loads(done.stdout)
    return [row for row in rows if row["name"] in NAMES]


@pytest.mark.usefixtures("installed")
def test_it_is_listed_with_owner_and_summary(command: Command) -> None:
    (plugin,) = listed(command, "plugins")
    assert plugin["state"] == "loaded" and "rat-modules-silu 0.1.0" in plugin.values()
    (fusion,), (recipe,) = listed(command, "components"), listed(command, "recipes")
    assert (fusion["kind"], fusion["name"], recipe["name"]) == ("fusions", "silu-affine", "ratgan-silu")
    for row in (fusion, recipe):
        assert (row["owner"], row["state"]) == ("silu", "ok") and "SiLU" in row["summary"]


@pytest.mark.usefixtures("installed")
def test_blocked_it_is_gone(command: Command) -> None:
    assert listed(command, "--block", "silu", "components") == []


@pytest.mark.usefixtures("installed")
def test_its_page_is_true_and_a_model_of_it_loads(command: Command, environment: Path, tmp_path: Path) -> None:
    reader = Reader(PACKAGE / "README.md", tmp_path, programs=environment)
    reader.type(reader.blocks[-1])
    words = ["--recipe", "ratgan-silu", "--set", "generator.width=2", "--set", "text_encoder.name=none"]
    assert "silu" in command("rat-modules", "assemble", *words, "--out", "model", cwd=tmp_path).stdout
    code = "import rat_modules; print(type(rat_modules.load('model').generator.blocks[0].fuse1).__name__)"
    assert command("python", "-c", code, cwd=tmp_path).stdout == "SiLUFusion\n"
    # without the plugin, the same folder is refused by the name that is missing
    refused = command("rat-modules", "--block", "silu", "assemble", "--recipe", "model", cwd=tmp_path)
    assert refused.returncode == 2 and "fusion.name: fusions: got 'silu-affine'" in refused.stderr


@pytest.mark.usefixtures("installed")
def test_its_own_tests_pass(command: Command) -> None:
    done = command("python", "-m", "pytest", "-q", "-p", "no:cacheprovider", "--doctest-modules", PACKAGE, cwd=PACKAGE)
    assert done.returncode == 0, done.stdout


def test_uninstalled_it_is_gone(command: Command, pip: Pip) -> None:
    pip("install", "--no-deps", "--no-build-isolation", PACKAGE)
    assert len(listed(command, "components")) == 1
    pip("uninstall", "--yes", "rat-modules-silu")
    assert listed(command, "components") + listed(command, "recipes") + listed(command, "plugins") == []
    refused = command("rat-modules", "assemble", "--recipe", "ratgan-silu")
    assert refused.returncode == 2 and "got 'ratgan-silu'" in refused.stderr
