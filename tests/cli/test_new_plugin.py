"""`new-plugin`: the package that it writes installs, is listed, and passes its own tests as it stands."""

import ast
import json
import os
import subprocess
import sys
import sysconfig
import tomllib
import venv
from collections.abc import Callable
from pathlib import Path

import pytest

from rat_modules import __version__
from rat_modules.cli.plugin_package import FILES, LICENSES, TEMPLATE, names_of, write_package
from rat_modules.errors import PluginError

from ..pages import Reader

Command = Callable[..., "subprocess.CompletedProcess[str]"]


def written(folder: Path) -> dict[str, str]:
    """Every file of a package by its path."""
    files = (path for path in folder.rglob("*") if path.is_file())
    return {path.relative_to(folder).as_posix(): path.read_text(encoding="utf-8") for path in files}


@pytest.mark.parametrize(
    ("name", "plugin", "module", "fusion"),
    [
        ("glow", "glow", "rat_modules_glow", "GlowFusion"),
        ("rat-modules-glow", "glow", "rat_modules_glow", "GlowFusion"),
        ("Soft_Glow", "soft-glow", "rat_modules_soft_glow", "SoftGlowFusion"),
        ("a..b--c_2", "a-b-c-2", "rat_modules_a_b_c_2", "ABC2Fusion"),
        ("3d", "3d", "rat_modules_3d", "Rat3dFusion"),
        ("class", "class", "rat_modules_class", "ClassFusion"),
    ],
)
def test_every_name_follows_from_one(name: str, plugin: str, module: str, fusion: str) -> None:
    names = names_of(name)
    assert (names.plugin, names.module, names.fusion) == (plugin, module, fusion)
    assert (names.distribution, names.recipe) == (f"rat-modules-{plugin}", f"ratgan-{plugin}")
    assert names.module.isidentifier() and names.fusion.isidentifier()


@pytest.mark.parametrize("name", ["", "-glow", "glow-", "a b", "é", "glow\n", "../glow", "a/b", "rat-modules-", "."])
def test_what_pip_would_not_take_is_no_name(name: str) -> None:
    with pytest.raises(PluginError, match=r"expected ASCII letters, digits and - _ \. between them"):
        names_of(name)


@pytest.mark.parametrize(
    ("words", "reason"),
    [
        (["so ft"], "name of a plugin: got 'so ft', expected ASCII letters"),
        (["CBN"], "got cbn, which plugin 'builtins' registers among its fusions, expected a name that nobody has"),
        (["lstm"], "which plugin 'builtins' registers among its cells"),
        (["rat-modules-tiny"], "got ratgan-tiny, which plugin 'builtins' registers among its recipes"),
        (["builtins"], "got builtins, which rat-modules has"),
        (["glow", "--license", "GPL"], "'GPL' is not one of 'apache-2.0', 'mit', 'bsd-3-clause'"),
        (["glow", "--out", "full"], "--out: got full, which is not empty"),
        (["glow", "--out", "full/file"], "--out: got full/file, which is a file"),
        (["glow", "--out", "full/file/below"], "which cannot be written"),
        ([], "Missing argument 'NAME'"),
    ],
)
def test_refusals_leave_nothing(refused: Callable, tmp_path: Path, words: list[str], reason: str) -> None:
    tmp_path.joinpath("full").mkdir()
    tmp_path.joinpath("full", "file").write_text("mine")
    assert reason in refused("new-plugin", *words, cwd=tmp_path)
    assert written(tmp_path) == {"full/file": "mine"}


def test_an_empty_folder_is_filled_and_a_full_one_never(run: Callable, tmp_path: Path) -> None:
    tmp_path.joinpath("here").mkdir()
    done = run("new-plugin", "glow", "--out", "here", cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    assert "pip install ./here," in done.stdout and "here/rat_modules_glow/fusion.py" in done.stdout
    before = written(tmp_path)
    with pytest.raises(OSError, match="not empty"):  # somebody was quicker than the refusal
        write_package(names_of("other"), "MIT", tmp_path / "here")
    assert written(tmp_path) == before
    assert [path.name for path in tmp_path.iterdir()] == ["here"]
    umask = os.umask(0)
    os.umask(umask)
    assert tmp_path.joinpath("here").stat().st_mode & 0o777 == 0o777 & ~umask


def test_a_disk_that_is_full_half_way_leaves_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write, count = Path.write_text, iter(range(100))

    def until_full(self: Path, *words: str, **options: str) -> int:
        if next(count) == len(FILES) - 1:
            raise OSError(28, "No space left on device")
        return write(self, *words, **options)

    monkeypatch.setattr(Path, "write_text", until_full)
    with pytest.raises(OSError, match="No space"):
        write_package(names_of("glow"), "MIT", tmp_path / "deep" / "er")
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("license_id", LICENSES)
def test_every_file_is_filled_in(tmp_path: Path, license_id: str) -> None:
    write_package(names_of("glow"), license_id, tmp_path / "glow")
    files = written(tmp_path / "glow")
    assert len(files) == len(FILES)
    assert [path for path, text in files.items() if "@@" in path + text] == []
    project = tomllib.loads(files["pyproject.toml"])["project"]
    assert project["license"] == license_id
    assert project["dependencies"] == [f"rat-modules>={__version__}"], "what it was written with"
    assert project["entry-points"] == {"rat_modules": {"glow": "rat_modules_glow"}}
    head = {"Apache-2.0": "Apache License", "MIT": "MIT License", "BSD-3-Clause": "BSD 3-Clause License"}[license_id]
    assert files["LICENSE"].strip().startswith(head)
    assert (license_id == "Apache-2.0") != ("The authors of rat-modules-glow".lower() in files["LICENSE"].lower())
    workflow = files[".github/workflows/test.yml"]
    assert all(f"- run: {line}\n" in workflow for line in ('pip install ".[test]"', "rat-modules plugins", "pytest"))


def test_no_template_is_left_over() -> None:
    named = {template for template in FILES.values() if "@@" not in template}
    named |= {f"licences/{license_id}.txt" for license_id in LICENSES}
    assert {path.relative_to(TEMPLATE).as_posix() for path in TEMPLATE.rglob("*") if path.is_file()} == named


def test_the_code_is_clean_whatever_the_name(tmp_path: Path) -> None:
    for name in ("glow", "3d", "import", "a-rather-long-name"):
        write_package(names_of(name), "MIT", tmp_path / name)
        for path, text in written(tmp_path / name).items():
            if path.endswith(".py"):
                ast.parse(text)
    ruff = [sys.executable, "-m", "ruff", "check", "--isolated", "--no-cache", "--line-length", "120"]
    done = subprocess.run(
        [*ruff, "--select", "E,F,I,UP,B,SIM,C4,RUF,PTH", "."], cwd=tmp_path / "glow", capture_output=True, text=True
    )
    assert done.returncode == 0, done.stdout


class Installed:
    """A fresh virtual environment, which also sees what is installed here, with the new package in it."""

    def __init__(self, folder: Path) -> None:
        self.package = folder / "rat-modules-soft-glow"
        venv.create(folder / "environment", symlinks=True)
        (site,) = folder.glob("environment/lib/python*/site-packages")
        site.joinpath("here.pth").write_text(f"import site; site.addsitedir({sysconfig.get_path('purelib')!r})\n")
        self.programs = folder / "environment" / "bin"
        script = self.programs / "rat-modules"  # as pip would write it
        script.write_text(f"#!{self.programs}/python\nimport sys\nfrom rat_modules.cli import main\nsys.exit(main())\n")
        script.chmod(0o755)
        made = self.run("rat-modules", "new-plugin", "Soft.Glow", cwd=folder)
        assert made.returncode == 0, made.stderr
        flags = ["--quiet", "--no-index", "--no-deps", "--no-build-isolation"]
        pip = [sys.executable, "-m", "pip", "--disable-pip-version-check", "--python", str(self.programs / "python")]
        done = subprocess.run([*pip, "install", *flags, str(self.package)], capture_output=True, text=True)
        assert done.returncode == 0, done.stderr

    def run(self, *words: str | Path, cwd: Path | None = None) -> "subprocess.CompletedProcess[str]":
        """Run a program of the environment."""
        return subprocess.run(
            [str(self.programs / words[0]), *map(str, words[1:])],
            cwd=cwd or self.package,
            env={**os.environ, "OMP_NUM_THREADS": "1"},
            capture_output=True,
            text=True,
            timeout=600,
        )

    def tests(self, *words: str) -> "subprocess.CompletedProcess[str]":
        """Run the package's own tests on what pip installed, not on the folder beside them."""
        return self.run("python", "-P", "-m", "pytest", "-q", "-p", "no:cacheprovider", *words)


@pytest.fixture(scope="module")
def installed(tmp_path_factory: pytest.TempPathFactory) -> Installed:
    """The one environment of this file."""
    return Installed(tmp_path_factory.mktemp("new"))


@pytest.mark.slow
def test_it_is_listed_and_blocked_like_any_plugin(installed: Installed) -> None:
    rows = [
        row
        for verb in ("plugins", "components", "recipes")
        for row in json.loads(installed.run("rat-modules", verb, "--json").stdout)
        if "soft-glow" in (row["name"], row["owner"])
    ]
    assert [(row["kind"], row["name"], row["owner"], row["state"]) for row in rows] == [
        ("plugin", "soft-glow", "rat-modules-soft-glow 0.1.0", "loaded"),
        ("fusions", "soft-glow", "soft-glow", "ok"),
        ("recipes", "ratgan-soft-glow", "soft-glow", "ok"),
    ]
    assert '"soft-glow"' not in installed.run("rat-modules", "--block", "soft-glow", "components", "--json").stdout
    again = installed.run("rat-modules", "new-plugin", "soft-glow", "--out", "again")
    assert again.returncode == 2 and "which plugin 'soft-glow' registers" in again.stderr


@pytest.mark.slow
def test_its_page_is_true(installed: Installed, tmp_path: Path) -> None:
    reader = Reader(installed.package / "README.md", tmp_path, programs=installed.programs)
    reader.type(reader.blocks[-1])


@pytest.mark.slow
def test_its_own_tests_of_formula_and_hooks_pass(installed: Installed) -> None:
    done = installed.tests("--doctest-modules", "--ignore=tests/test_conformance.py", ".")
    assert done.returncode == 0, done.stdout
    assert "7 passed" in done.stdout


@pytest.mark.slow
def test_its_own_tests_pass_as_they_stand(installed: Installed) -> None:
    done = installed.tests()
    assert done.returncode == 0, done.stdout


@pytest.mark.slow
def test_its_own_tests_can_fail(installed: Installed) -> None:
    formula = installed.package / "rat_modules_soft_glow" / "fusion.py"
    right = formula.read_text()
    formula.write_text(right.replace("x = gelu(", "x = 1.01 * gelu("))
    try:
        # without -P, Python takes the folder before the installed package
        done = installed.run("python", "-m", "pytest", "-q", "-p", "no:cacheprovider", "tests/test_formula.py")
    finally:
        formula.write_text(right)
    assert done.returncode == 1 and "test_the_formula" in done.stdout and "1 failed, 5 passed" in done.stdout
