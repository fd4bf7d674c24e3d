"""A new plugin package: its names, its files, and how they appear in one move."""

import datetime
import re
import string
import tempfile
from collections.abc import Iterator
from pathlib import Path

import attrs

from rat_modules import __version__
from rat_modules.errors import PluginError
from rat_modules.registry import get_catalog, plugin_states

TEMPLATE = Path(__file__).parent / "plugin_template"
LICENSES = ("Apache-2.0", "MIT", "BSD-3-Clause")
PREFIX = "rat-modules-"
# what each file is called in the new package -> its template; keys are filled in like the files themselves
FILES = {
    "pyproject.toml": "pyproject.toml.in",
    "README.md": "README.md.in",
    "LICENSE": "licences/@@{license}.txt",
    ".gitignore": "gitignore.in",
    ".github/workflows/test.yml": "test.yml.in",
    "@@{module}/__init__.py": "hooks.py.in",
    "@@{module}/fusion.py": "fusion.py.in",
    "@@{module}/@@{recipe}.toml": "recipe.toml.in",
    "tests/test_formula.py": "test_formula.py.in",
    "tests/test_conformance.py": "test_conformance.py.in",
}
_PEP_508 = re.compile(r"[A-Z0-9]([A-Z0-9._-]*[A-Z0-9])?", re.IGNORECASE | re.ASCII)


class _Template(string.Template):
    delimiter = "@@"


@attrs.frozen
class Names:
    """What a plugin's parts are called.

    Args:
        plugin: the plugin itself, and its fusion.
        distribution: what pip installs.
        module: what Python imports.
        fusion: the class.
        recipe: the recipe that uses it.
    """

    plugin: str
    distribution: str
    module: str
    fusion: str
    recipe: str


def names_of(name: str) -> Names:
    """Derive every name of a plugin from one.

    Args:
        name: as pip would take it, with or without the prefix "rat-modules-"; case, dots and underscores are evened
            out as pip does (PEP 503).

    Raises:
        PluginError: pip would not take the name.

    Example:
        >>> names_of("Soft_Glow").distribution, names_of("rat-modules-soft-glow").fusion
        ('rat-modules-soft-glow', 'SoftGlowFusion')
    """
    if not _PEP_508.fullmatch(name):
        expected = "ASCII letters, digits and - _ . between them"
        raise PluginError("name of a plugin", got=repr(name), expected=expected, hint="as in soft-glow")
    plugin = re.sub(r"[-_.]+", "-", name).lower().removeprefix(PREFIX)
    camel = "".join(part.capitalize() for part in plugin.split("-"))
    return Names(
        plugin=plugin,
        distribution=PREFIX + plugin,
        module=(PREFIX + plugin).replace("-", "_"),
        fusion=f"{'' if camel[0].isalpha() else 'Rat'}{camel}Fusion",  # no class begins with a digit
        recipe=f"ratgan-{plugin}",
    )


def refuse_taken(names: Names) -> None:
    """Refuse names that a plugin or a component has already, of whatever kind.

    Raises:
        PluginError: a name is taken; the line says by whom.
    """
    for entry in get_catalog():
        if entry.name in (names.plugin, names.recipe):
            got = f"{entry.name}, which plugin '{entry.owner}' registers among its {entry.kind}"
            raise PluginError("name of a plugin", got=got, expected="a name that nobody has", hint="choose another")
    for state in plugin_states():
        if state.name == names.plugin and state.source != "-":  # a block of a name is no plugin of that name
            got = f"{state.name}, which {state.source} has"
            raise PluginError("name of a plugin", got=got, expected="a name that nobody has", hint="choose another")


def files_of(names: Names, license_id: str) -> Iterator[tuple[str, str]]:
    """Yield the path inside the package and the text of every file.

    Args:
        names: from `names_of`.
        license_id: one of `LICENSES`.
    """
    year = datetime.datetime.now(datetime.UTC).year
    words = {**attrs.asdict(names), "license": license_id, "year": year, "core": __version__}
    for path, template in FILES.items():
        text = (TEMPLATE / _Template(template).substitute(words)).read_text(encoding="utf-8")
        yield _Template(path).substitute(words), _Template(text).substitute(words)


def write_package(names: Names, license_id: str, out: Path) -> None:
    """Write a package's folder in one move: whole, or not at all.

    Args:
        names: from `names_of`.
        license_id: one of `LICENSES`.
        out: a folder that does not exist or is empty; folders above it are made.

    Raises:
        OSError: the place cannot be written, or holds something by now.
    """
    out = out.resolve()
    above = next(path for path in out.parents if path.is_dir())
    with tempfile.TemporaryDirectory(dir=above, prefix=f".{out.name}.") as scratch:
        new = Path(scratch) / "new"
        for path, text in files_of(names, license_id):
            file = new / path
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_text(text, encoding="utf-8")
        out.parent.mkdir(parents=True, exist_ok=True)
        new.rename(out)  # over an empty folder, never over a full one
