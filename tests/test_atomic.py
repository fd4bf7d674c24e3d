"""Folders appear whole or not at all, also where two are written at once."""

import threading
from pathlib import Path

import pytest

from rat_modules.atomic import atomic_folder, atomic_write


def test_two_at_once_do_not_mix(tmp_path: Path) -> None:
    both, told = threading.Barrier(2), []

    def write(name: str) -> None:
        try:
            with atomic_folder(tmp_path / "site") as folder:
                (folder / f"{name}-a").touch()
                both.wait(10)
                (folder / f"{name}-b").touch()
        except OSError as error:
            told.append(error.strerror)

    threads = [threading.Thread(target=write, args=(name,)) for name in "12"]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(20)
    names = sorted(path.name for path in (tmp_path / "site").iterdir())
    assert names in (["1-a", "1-b"], ["2-a", "2-b"]) and told == ["Directory not empty"]
    assert [path.name for path in tmp_path.iterdir()] == ["site"]


def test_a_folder_of_the_same_kind_of_name_is_not_touched(tmp_path: Path) -> None:
    (tmp_path / ".site.new").mkdir()
    with atomic_folder(tmp_path / "site") as folder:
        (folder / "page").touch()
    assert sorted(path.name for path in tmp_path.iterdir()) == [".site.new", "site"]


@pytest.mark.parametrize("replace", [False, True])
def test_only_what_is_to_be_replaced_is(tmp_path: Path, replace: bool) -> None:
    (tmp_path / "site").mkdir()
    (tmp_path / "site" / "old").touch()
    try:
        with atomic_folder(tmp_path / "site", replace=replace) as folder:
            (folder / "new").touch()
    except OSError:
        assert not replace
    assert [path.name for path in (tmp_path / "site").iterdir()] == ["new" if replace else "old"]


def test_permissions_are_those_of_an_ordinary_folder(tmp_path: Path) -> None:
    (tmp_path / "ordinary").mkdir()
    with atomic_folder(tmp_path / "site"):
        pass
    assert (tmp_path / "site").stat().st_mode == (tmp_path / "ordinary").stat().st_mode


def test_errors_of_the_disk_name_what_was_asked_for(tmp_path: Path) -> None:
    full = Path("/dev/full")
    if not full.exists():
        pytest.skip("no /dev/full here")
    page = tmp_path / "page.html"
    with pytest.raises(OSError, match="No space left") as refused, atomic_write(page), full.open("w") as nowhere:
        nowhere.write("x" * 9)
    assert refused.value.filename == str(page) and not list(tmp_path.iterdir())
    tmp_path.joinpath("file").touch()
    with pytest.raises(OSError) as refused, atomic_folder(tmp_path / "file" / "site"):
        pass
    assert ".site." not in str(refused.value)
    with pytest.raises(FileNotFoundError) as refused, atomic_write(page):
        (tmp_path / "elsewhere").read_text()
    assert refused.value.filename == str(tmp_path / "elsewhere"), "what names its own file keeps it"
