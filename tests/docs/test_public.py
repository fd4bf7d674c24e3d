"""No public name without words, and none that the reference leaves out."""

import importlib
import importlib.util
import inspect
import re
import tomllib

import pytest

import rat_modules

from ..pages import blocks
from .made import ROOT, module

public = module("public")
MODULES = [name for modules in public.PAGES.values() for name in modules]
NAMES = [(name, each) for name in MODULES for each in public.names(name)]


def undocumented(value: object) -> list[str]:
    """The value, and the public methods that a class itself defines, where they have no docstring."""
    if not (inspect.isclass(value) or inspect.isroutine(value)):
        return []  # a constant, told in its page
    found = [] if (value.__doc__ or "").strip() else [value.__name__]
    if inspect.isclass(value) and value.__module__.startswith("rat_modules"):
        for name, member in vars(value).items():
            # what overrides a method of torch does what that says
            if not name.startswith("_") and inspect.isfunction(member) and not inspect.getdoc(getattr(value, name)):
                found.append(f"{value.__name__}.{name}")
    return found


@pytest.mark.parametrize(("home", "name"), NAMES, ids=lambda part: part.rpartition(".")[2])
def test_a_public_name_has_words(home: str, name: str) -> None:
    if home == "rat_modules.hub":
        pytest.importorskip("huggingface_hub", reason="huggingface_hub is not installed")
    assert undocumented(getattr(importlib.import_module(home), name)) == []


def test_the_check_sees_what_has_none() -> None:
    class Silent:
        def method(self) -> None: ...

    Silent.__module__ = "rat_modules.made_up"
    assert undocumented(Silent) == ["Silent", "Silent.method"]


def test_every_package_with_public_names_is_in_the_reference() -> None:
    folder = ROOT / "rat_modules"
    packages = {f"rat_modules.{path.parent.name}" for path in folder.glob("*/__init__.py")}
    with_names = {name for name in packages if hasattr(importlib.import_module(name), "__all__")}
    assert with_names <= set(MODULES)
    assert set(rat_modules.__all__) - {"__version__"} == {name for home, name in NAMES if home == "rat_modules"}


@pytest.mark.parametrize("page", public.PAGES)
def test_each_page_asks_for_its_names(page: str) -> None:
    assert f"<!-- made: public {page} -->" in (ROOT / f"docs/reference/{page}.md").read_text(encoding="utf-8")
    asked = public.markdown(page)
    for home in public.PAGES[page]:
        for name in public.names(home):
            place, dotted = public.described()[f"{home}.{name}"]
            assert f"::: {dotted}\n" in asked or f"[{dotted}]({place}.md#{dotted})" in asked


def imported() -> set[tuple[str, str]]:
    """(module, name) of all that our plugin packages, and the blocks of pages, import from the package."""
    pages = [ROOT / "README.md", *ROOT.glob("docs/**/*.md"), *ROOT.glob("plugins/**/README.md")]
    sources = [block.text for page in pages for block in blocks(page) if block.language == "python"]
    sources += [path.read_text(encoding="utf-8") for path in ROOT.glob("plugins/*/rat_modules_*/*.py")]
    return {
        (found[1], name.partition(" as ")[0].strip())
        for source in sources
        for found in re.finditer(r"^ *from (rat_modules(?:\.[\w.]+)?) import ([\w, ]+)$", source, re.M)
        for name in found[2].split(",")
    }


def test_what_others_are_shown_to_import_is_in_the_reference() -> None:
    pytest.importorskip("huggingface_hub", reason="huggingface_hub is not installed")
    described = [getattr(importlib.import_module(home), name) for home, name in NAMES]
    missing = set()
    for home, name in imported():
        value = getattr(importlib.import_module(home), name)
        if (inspect.isclass(value) or inspect.isfunction(value)) and not any(value is each for each in described):
            missing.add(f"{home}.{name}")
    assert missing == set()
    assert len(imported()) > 30


def test_a_file_of_the_same_name_is_not_described_in_its_place() -> None:
    assert public.path("rat_modules.assembly", "build") == "rat_modules.assembly.build.build"
    for _, dotted in public.described().values():
        package = importlib.import_module(dotted.rpartition(".")[0])
        assert not (hasattr(package, "__path__") and importlib.util.find_spec(dotted)), dotted


def test_the_extra_names_what_builds_the_site() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    needed = {line.split(">")[0] for line in project["optional-dependencies"]["docs"]}
    pinned = {line.split("==")[0] for line in (ROOT / "constraints.txt").read_text(encoding="utf-8").splitlines()}
    assert needed <= pinned
