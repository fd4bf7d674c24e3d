"""Every package under plugins/: installed by pip, used, blocked and taken away again."""

import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from ..pages import Reader
from .conftest import FOLDERS, Environment, Package, usable

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module", params=FOLDERS, ids=lambda folder: folder.name)
def package(request: pytest.FixtureRequest, environment: Environment) -> Iterator[Package]:
    """Each package in turn, in the environment while the tests below run with it."""
    package = Package.read(request.param)
    usable(environment, package)
    environment.install(package.folder)
    yield package
    environment.uninstall(package.name)


def families_in_help(environment: Environment) -> set[str]:
    help_text = environment.run("rat-modules", "convert", "--help").stdout
    return set(re.search(r"--family NAME(.+?)\.\s+--", help_text, re.DOTALL)[1].replace(",", " ").split())


def test_it_is_listed_with_owner_and_summary(environment: Environment, package: Package) -> None:
    (plugin,) = [row for row in environment.rows("plugins") if row["name"] == package.plugin]
    assert plugin["state"] == "loaded" and f"{package.name} {package.version}" in plugin.values()
    found = environment.owned(package.plugin)
    assert found and all(row["state"] == "ok" and row["summary"] for row in found)
    families = {row["name"] for row in found if row.get("kind") == "families"}
    assert families <= families_in_help(environment)


def test_its_recipes_hold_together(environment: Environment, package: Package) -> None:
    """Every part that they name is registered, and takes the options that they give."""
    code = (
        "from rat_modules.assembly.options import component_problems\n"
        "from rat_modules.recipes import load_recipe\n"
        "from rat_modules.registry import get_catalog\n"
        "for entry in get_catalog().entries('recipes'):\n"
        f"    if entry.owner == {package.plugin!r}:\n"
        "        print(load_recipe(entry.name, check_options=component_problems).name)\n"
    )
    done = environment.run("python", "-c", code)
    assert done.returncode == 0, done.stderr
    recipes = [row["name"] for row in environment.rows("recipes") if row["owner"] == package.plugin]
    assert done.stdout.split() == recipes


def test_blocked_it_is_gone(environment: Environment, package: Package) -> None:
    assert environment.owned(package.plugin, "--block", package.plugin) == []


def test_its_page_is_true(environment: Environment, package: Package, tmp_path: Path) -> None:
    page = package.folder / "README.md"
    shorter = dict.fromkeys(re.findall(r"--steps \d+", page.read_text(encoding="utf-8")), "--steps 2 --batch 4")
    reader = Reader(page, tmp_path, shorter, programs=environment.programs)
    assert reader.blocks, "a page tells what to type"
    for block in reader.blocks:
        reader.type(block)


def test_its_own_tests_pass(environment: Environment, package: Package) -> None:
    words = ["-m", "pytest", "-q", "-p", "no:cacheprovider", "--doctest-modules", package.folder]
    done = environment.run("python", *words, cwd=package.folder)
    assert done.returncode == 0, done.stdout


def test_uninstalled_it_is_gone(environment: Environment, package: Package) -> None:
    owned = environment.owned(package.plugin)
    environment.uninstall(package.name)
    assert environment.owned(package.plugin) == []
    assert package.plugin not in [row["name"] for row in environment.rows("plugins")]
    assert families_in_help(environment).isdisjoint(row["name"] for row in owned if row.get("kind") == "families")
    for recipe in [row["name"] for row in owned if "kind" not in row or row["kind"] == "recipes"][:1]:
        refused = environment.run("rat-modules", "assemble", "--recipe", recipe)
        assert refused.returncode == 2 and f"got '{recipe}'" in refused.stderr


@pytest.fixture(scope="module")
def two(environment: Environment) -> tuple[Package, Package]:
    """Two packages that bring the same kinds of components: generators, fusions, families, recipes."""
    names = ("rat-modules-dfgan", "rat-modules-ssagan")
    first, second = (Package.read(folder) for folder in FOLDERS if folder.name in names)
    return first, second


def test_two_live_together_whichever_comes_first(environment: Environment, two: tuple[Package, Package]) -> None:
    seen = []
    for first, second in (two, two[::-1]):
        environment.install(first.folder)
        alone = environment.owned(first.plugin)
        environment.install(second.folder)
        seen.append([environment.rows(verb) for verb in ("plugins", "components", "recipes")])
        assert environment.owned(first.plugin) == alone != []
        environment.uninstall(first.name)
        assert environment.owned(first.plugin) == [] != environment.owned(second.plugin)
        environment.uninstall(second.name)
    assert seen[0] == seen[1]
    assert [row["name"] for row in environment.rows("plugins")] == ["builtins"]


BROKEN = {
    "raising": "raise RuntimeError('the moon is full')\n",
    "greedy": "from rat_modules import hookimpl\n\n\n@hookimpl\ndef register_families(register):\n"
    "    register('ratgan-flower', 'nowhere:FAMILY')\n",
    # written for another version of the core: one that knows more, and one that still had what is gone
    "newer": "from rat_modules import hookimpl\n\n\n@hookimpl\ndef register_upscalers(register):\n    pass\n",
    "older": "from rat_modules.layers.affine import GoneAffine\n",
}


def test_broken_ones_disturb_nobody(environment: Environment, two: tuple[Package, Package], tmp_path: Path) -> None:
    environment.install(*(package.folder for package in two))
    before = [environment.owned(package.plugin) for package in two]
    for name, source in BROKEN.items():
        module = tmp_path / name / f"rat_{name}"
        module.mkdir(parents=True)
        module.joinpath("__init__.py").write_text(source)
        module.parent.joinpath("pyproject.toml").write_text(
            '[build-system]\nrequires = ["hatchling"]\nbuild-backend = "hatchling.build"\n\n'
            f'[project]\nname = "a-{name}"\nversion = "1"\n\n'
            f'[project.entry-points.rat_modules]\n{name} = "rat_{name}"\n\n'
            f'[tool.hatch.build.targets.wheel]\npackages = ["rat_{name}"]\n'
        )
    environment.install(*(tmp_path / name for name in BROKEN))
    try:
        done = environment.run("rat-modules", "plugins")
        assert done.returncode == 0
        assert re.search(r"raising .*broken .*the moon is full", done.stdout)
        assert re.search(r"greedy .*broken .*families 'ratgan-flower' is registered twice", done.stdout)
        assert re.search(r"newer .*broken .*unknown hook: got register_upscalers", done.stdout)
        assert re.search(r"older .*broken .*GoneAffine", done.stdout)
        assert len(done.stderr.splitlines()) == len(BROKEN)
        blocked = [word for name in BROKEN for word in ("--block", name)]
        assert [environment.owned(package.plugin, *blocked) for package in two] == before
        states = {line.split()[0]: line for line in done.stdout.splitlines() if line.strip()}
        assert all("loaded" in states[package.plugin] for package in two)
    finally:
        environment.uninstall(*(f"a-{name}" for name in BROKEN), *(package.name for package in two))


def test_a_missing_dependency_is_a_failure_unless_the_package_says_otherwise(environment: Environment) -> None:
    def package(**tables: object) -> Package:
        project = {"name": "p", "dependencies": ["rat-modules", "no-such-distribution>=1"], "version": "1"}
        return Package(Path("p"), {"project": project, **tables})

    assert environment.missing(package()) == ["no-such-distribution"]
    with pytest.raises(pytest.fail.Exception, match=r"p needs no-such-distribution, .* skip-without"):
        usable(environment, package())
    with pytest.raises(pytest.skip.Exception, match="p says that it is not tested without no-such-distribution"):
        usable(environment, package(tool={"rat_modules": {"skip-without": ["no-such-distribution"]}}))
