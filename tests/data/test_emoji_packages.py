"""Tarballs: fetched with npm or taken from a folder, and never used unchecked."""

import os
import shutil
from pathlib import Path

import pytest

from rat_modules.data.emoji_packages import NAMES, PICTURES, obtain, pack_line, verify
from rat_modules.errors import DataError


def fake_npm(folder: Path, script: str) -> str:
    """A command `npm` that really runs, as npm would: it gets the words and writes into --pack-destination."""
    folder.mkdir()
    npm = folder / "npm"
    npm.write_text(f"#!/bin/sh\nfor last; do :; done\n{script}\n")
    npm.chmod(0o755)
    return f"{folder}{os.pathsep}{os.environ['PATH']}"


def test_names_of_tarballs_and_the_line_to_run_elsewhere() -> None:
    assert PICTURES["fluent"].tarball == "lobehub-fluent-emoji-3d-1.1.0.tgz"
    assert pack_line([NAMES, PICTURES["fluent"]]) == "npm pack emojibase-data@17.0.0 @lobehub/fluent-emoji-3d@1.1.0"


def test_without_npm_the_line_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(DataError, match=r"npm is not installed here; .*`npm pack emojibase-data@17.0.0`.* --from"):
        obtain([NAMES], tmp_path / "out", source=None, say=print)
    assert not list(tmp_path.rglob("*.tgz"))


def test_copied_tarballs_are_checked(small_set) -> None:
    wanted = [small_set.names, *small_set.pictures.values()]
    said: list[str] = []
    found = obtain(wanted, small_set.folder / "unused", source=small_set.folder, say=said.append)
    assert [path.name for path in found] == ["names-1.0.0.tgz", "flat-2.0.0.tgz", "some-solid-3.0.0.tgz"]
    assert len(said) == 3 and all(line.startswith("checked ") for line in said)
    found[1].unlink()
    with pytest.raises(DataError, match=r"lacks flat-2.0.0.tgz; make it there with `npm pack flat@2.0.0`"):
        obtain(wanted, small_set.folder, source=small_set.folder, say=said.append)


def test_another_size_or_content_is_refused(small_set) -> None:
    path = small_set.folder / small_set.names.tarball
    content = path.read_bytes()
    path.write_bytes(content[:-1] + bytes([content[-1] ^ 1]))
    with pytest.raises(
        DataError, match=r"sha512 of names-1.0.0.tgz: got .*, expected .*; remove it and fetch it again"
    ):
        verify(small_set.names, path)
    path.write_bytes(content + b"x")
    with pytest.raises(DataError, match=rf"size of names-1.0.0.tgz: got {len(content) + 1}, expected {len(content)}"):
        verify(small_set.names, path)


def test_npm_packs_and_what_is_there_is_not_fetched_again(small_set, tmp_path, monkeypatch) -> None:
    tarball = small_set.folder / small_set.names.tarball
    monkeypatch.setenv("PATH", fake_npm(tmp_path / "bin", f'cp "{tarball}" "$last/"; echo "$2" >> "{tmp_path}/asked"'))
    said: list[str] = []
    for _ in range(2):
        (found,) = obtain([small_set.names], tmp_path / "kept", source=None, say=said.append)
    assert found.read_bytes() == tarball.read_bytes() and [f.name for f in found.parent.iterdir()] == [found.name]
    assert (tmp_path / "asked").read_text() == "names@1.0.0\n"
    assert sum(line.startswith("fetching") for line in said) == 1


@pytest.mark.parametrize(
    ("script", "reason"),
    [
        (
            'echo "npm error code E404" >&2; echo "npm error 404 Not Found - GET x" >&2; exit 1',
            "got 404 Not Found - GET x",
        ),
        ("exit 3", "got status 3"),
        ('echo damaged > "$last/names-1.0.0.tgz"', "size of names-1.0.0.tgz: got 8"),
        ("true", "npm could not fetch names@1.0.0"),
    ],
)
def test_a_failing_npm_leaves_nothing(small_set, tmp_path, monkeypatch, script: str, reason: str) -> None:
    monkeypatch.setenv("PATH", fake_npm(tmp_path / "bin", script))
    with pytest.raises(DataError, match=reason):
        obtain([small_set.names], tmp_path / "kept", source=None, say=print)
    assert not list((tmp_path / "kept").iterdir())


@pytest.mark.network
@pytest.mark.skipif(shutil.which("npm") is None, reason="npm is not installed")
def test_the_real_npm_gives_the_inspected_bytes(tmp_path: Path) -> None:
    if not os.environ.get("RAT_MODULES_TARBALLS"):
        pytest.skip("RAT_MODULES_TARBALLS is not set: no test uses the network unasked")
    obtain([NAMES], tmp_path, source=None, say=print)
    assert (tmp_path / NAMES.tarball).stat().st_size == NAMES.size
