"""Real plugin packages: written out, built and installed by pip into a folder of their own, without a network."""

import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

PYPROJECT = """
[build-system]
requires = ["hatchling"]
build-backend = "hatchling.build"

[project]
name = "{distribution}"
version = "1.2"

[project.entry-points.rat_modules]
{plugin} = "{module}"

[tool.hatch.build.targets.wheel]
only-include = ["{module}"]
"""

HEAD = "from rat_modules import hookimpl\n\n\n"

# one distribution each: plugin name -> its module
SOURCES = {
    "good": HEAD
    + '''
class Doubled:
    """Twice the input."""


@hookimpl
def register_fusions(register):
    register("doubled", "rat_good:Doubled", summary="twice the input")


@hookimpl
def register_recipes(register):
    register("ratgan-doubled", "rat_good:ratgan-doubled.toml")
''',
    "raising": 'raise RuntimeError("the moon is\\nfull")\n',
    "exiting": "import sys\n\nsys.exit(3)\n",
    "importing": "import a_module_that_nobody_has\n",
    "misspelt": HEAD + "@hookimpl\ndef register_fusion(register):\n    register('a', object())\n",
    "misnamed": HEAD + "@hookimpl\ndef register_fusions(registry):\n    registry('a', object())\n",
    "unmarked": "def register_fusions(register):\n    register('a', object())\n",
    "empty": "",
    "greedy": HEAD
    + "@hookimpl\ndef register_cells(register):\n    register('own-cell', object())\n\n\n"
    + "@hookimpl\ndef register_fusions(register):\n    register('affine', object())\n",
    "halfway": HEAD + "@hookimpl\ndef register_losses(register):\n    register('half', object())\n    1 / 0\n",
    "targetless": HEAD + "@hookimpl\ndef register_losses(register):\n    register('lost', 'nowhere')\n",
    "vanished": HEAD + "@hookimpl\ndef register_losses(register):\n    register('gone', 'rat_vanished.gone:Loss')\n",
}
RECIPE = 'extends = "ratgan-tiny"\nsummary = "with a fusion of the plugin"\n\n[fusion]\nname = "doubled"\n'

Install = Callable[..., Path]


@pytest.fixture(scope="session")
def install(tmp_path_factory: pytest.TempPathFactory) -> Install:
    """Build the named plugins and install them together; returns the folder to put on the search path."""

    def install_plugins(*plugins: str) -> Path:
        folder = tmp_path_factory.mktemp("plugins")
        for plugin in plugins:
            module = f"rat_{plugin}"
            package = folder / "sources" / plugin / module
            package.mkdir(parents=True)
            package.joinpath("__init__.py").write_text(SOURCES[plugin])
            if plugin == "good":
                package.joinpath("ratgan-doubled.toml").write_text(RECIPE)
            text = PYPROJECT.format(distribution=f"rat-plugin-{plugin}", plugin=plugin, module=module)
            package.parent.joinpath("pyproject.toml").write_text(text)
        site = folder / "site"
        pip = [sys.executable, "-m", "pip", "install", "--quiet", "--disable-pip-version-check"]
        flags = ["--no-index", "--no-deps", "--no-build-isolation", "--target", str(site)]
        sources = [str(folder / "sources" / plugin) for plugin in plugins]
        done = subprocess.run([*pip, *flags, *sources], capture_output=True, text=True)
        assert done.returncode == 0, done.stderr
        return site

    return install_plugins


@pytest.fixture(scope="session")
def good(install: Install) -> Path:
    """A search path with one working plugin."""
    return install("good")


@pytest.fixture(scope="session")
def crowd(install: Install) -> Path:
    """A search path with the working plugin among all the broken ones."""
    return install(*SOURCES)
