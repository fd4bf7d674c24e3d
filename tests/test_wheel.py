"""The wheel carries everything that the package reads."""

import subprocess
import sys
import zipfile
from pathlib import Path

import rat_modules

PACKAGE = Path(rat_modules.__file__).parent


def test_the_wheel_holds_every_file_of_the_package(tmp_path: Path) -> None:
    pip = [sys.executable, "-m", "pip", "wheel", "--quiet", "--disable-pip-version-check", "--no-deps", "--no-index"]
    command = [*pip, "--no-build-isolation", "--wheel-dir", str(tmp_path), str(PACKAGE.parent)]
    done = subprocess.run(command, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    (wheel,) = tmp_path.glob("rat_modules-*.whl")
    with zipfile.ZipFile(wheel) as archive:
        names = set(archive.namelist())
    files = [path for path in PACKAGE.rglob("*") if path.is_file() and "__pycache__" not in path.parts]
    assert {path.relative_to(PACKAGE.parent).as_posix() for path in files} <= names
    others = {name.partition("/")[0] for name in names} - {"rat_modules"}
    assert len(others) == 1 and others.pop().endswith(".dist-info"), "nothing but the package is installed"
    assert {"rat_modules/py.typed", "rat_modules/recipes/ratgan.toml"} <= names
    assert any(name.endswith("licenses/NOTICE") for name in names)
