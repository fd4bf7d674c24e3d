"""`push_to_hub` and back, by the Hub's own library, with a server that speaks the Hub's protocol."""

import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from safetensors.torch import load_file

from rat_modules.assembly import load

from ..plates import small_model
from .hub_server import hub_server
from .hub_speaker import READER, WRITER
from .hub_store import Hub

pytest.importorskip("huggingface_hub", reason="huggingface_hub is not installed: pip install 'rat-modules[hub]'")
pytestmark = pytest.mark.slow
PUSH = """
from rat_modules.errors import RatError
from rat_modules.hub import PretrainedAssembly

try:
    print(PretrainedAssembly.from_pretrained({model!r}).push_to_hub({name!r}, **{options!r}))
except RatError as error:
    print("refused:", error)
"""
PULL = """
from rat_modules.errors import RatError
from rat_modules.hub import PretrainedAssembly

try:
    PretrainedAssembly.from_pretrained({name!r}, **{options!r}).save({out!r})
except RatError as error:
    print("refused:", error)
"""


@pytest.fixture
def server() -> Iterator[tuple[str, Hub]]:
    with hub_server() as found:
        yield found


@pytest.fixture
def client(server: tuple[str, Hub], tmp_path: Path) -> Callable[..., str]:
    """Run a script whose Hub is the server, as somebody who has logged in; what it printed."""

    def run(script: str, *, token: str = WRITER, cache: str = "home", **environment: str) -> str:
        env = {name: value for name, value in os.environ.items() if not name.startswith("HF_")}
        env |= {"HF_ENDPOINT": server[0], "HF_HOME": str(tmp_path / cache), "HF_TOKEN": token, "NO_PROXY": "*"}
        env |= {"HF_HUB_DISABLE_XET": "1", "HF_HUB_DISABLE_PROGRESS_BARS": "1", "OMP_NUM_THREADS": "1", **environment}
        done = subprocess.run([sys.executable, "-c", script], env=env, capture_output=True, text=True, timeout=240)
        assert done.returncode == 0, done.stderr
        return done.stdout.strip()

    return run


def push(model: Path, name: str = "somebody/plates", **options: object) -> str:
    return PUSH.format(model=str(model), name=name, options=options)


def pull(out: Path, name: str = "somebody/plates", **options: object) -> str:
    return PULL.format(out=str(out), name=name, options=options)


def equal(one: Path, other: Path) -> bool:
    """Weights equal bit for bit."""
    names = "generator.safetensors", "discriminator.safetensors"
    pairs = [(load_file(one / name), load_file(other / name)) for name in names]
    return all(a.keys() == b.keys() and all(bool((a[k] == b[k]).all()) for k in a) for a, b in pairs)


def test_there_and_back(server: tuple[str, Hub], client: Callable[..., str], tmp_path: Path) -> None:
    _, hub = server
    first, second = small_model(tmp_path / "first"), small_model(tmp_path / "second")
    changed = load(second)
    for weight in changed.generator.parameters():
        weight.data.mul_(1.5)
    changed.save(second)
    card = {"data": "ten plates", "licence": "apache-2.0", "captions": ["a plate"]}
    address = client(push(first, model_card_kwargs=card))
    assert "/somebody/plates/commit/" in address
    client(push(second, branch="later"))
    assert set(hub.models["somebody/plates"]) == {"main", "later"}
    files = hub.commits[hub.models["somebody/plates"]["main"]]
    assert {name for name in files if "lfs" in files[name]} == {
        "generator.safetensors", "discriminator.safetensors", "grid.png",
    }  # fmt: skip
    text = hub.contents[files["README.md"]["oid"]].decode()
    assert "license: apache-2.0" in text and "| trained on | ten plates |" in text
    assert 'from_pretrained("somebody/plates")' in text and "# plates" in text

    commit = address.rpartition("/")[2]
    wanted = {"main": ({}, first), "later": ({"revision": "later"}, second), "commit": ({"revision": commit}, first)}
    for turn, (options, expected) in wanted.items():  # each into a fresh cache
        assert client(pull(tmp_path / turn, **options), token="", cache=turn) == ""
        assert equal(tmp_path / turn, expected), turn
    assert not equal(tmp_path / "main", tmp_path / "later")
    assert not [line for line in hub.asked if "/store/" in line and "token" in line], "another host gets no token"

    asked = len(hub.asked)
    offline = client(pull(tmp_path / "offline", revision="later"), cache="later", HF_HUB_OFFLINE="1")
    assert offline == "" and equal(tmp_path / "offline", second) and len(hub.asked) == asked
    told = client(pull(tmp_path / "none"), cache="empty", HF_HUB_OFFLINE="1")
    assert "got nothing in the cache, and no network (HF_HUB_OFFLINE)" in told


def test_again_sends_only_what_changed(server: tuple[str, Hub], client: Callable[..., str], tmp_path: Path) -> None:
    _, hub = server
    model = small_model(tmp_path / "model")
    client(push(model))
    hub.asked.clear()
    client(push(model, model_card_kwargs={"data": "more plates"}))
    assert not [line for line in hub.asked if line.startswith("PUT")]
    files = hub.commits[hub.models["somebody/plates"]["main"]]
    assert b"more plates" in hub.contents[files["README.md"]["oid"]]


def test_a_private_model_opens_to_its_owner(client: Callable[..., str], tmp_path: Path) -> None:
    client(push(small_model(tmp_path / "model"), private=True))
    assert client(pull(tmp_path / "mine"), cache="fresh") == ""
    for token in ("", READER):
        told = client(pull(tmp_path / "theirs"), token=token, cache="other")
        assert "got no such model, or a private one that the token does not open" in told, token


@pytest.mark.parametrize(
    ("token", "name", "told"),
    [
        ("", "somebody/plates", "got no token, expected one that may write; log in with `hf auth login`"),
        ("hf_wrong", "somebody/plates", "got status 401, Invalid credentials in Authorization header"),
        (READER, "somebody/plates", "got status 403, You don't have the rights to write to somebody"),
        (WRITER, "others/plates", "got status 403, You don't have the rights to write to others"),
        (WRITER, "no/such/name", "no/such/name"),
    ],
)
def test_what_may_not_be_pushed(
    token: str, name: str, told: str, server: tuple[str, Hub], client: Callable[..., str], tmp_path: Path
) -> None:
    said = client(push(small_model(tmp_path / "model"), name), token=token)
    assert said.startswith(f"refused: push to '{name}': ") and told in said and "\n" not in said
    assert not server[1].models


def test_what_cannot_be_loaded(client: Callable[..., str], tmp_path: Path) -> None:
    client(push(small_model(tmp_path / "model")))
    for name, options, told in (
        ("somebody/plates", {"revision": "never"}, "model 'somebody/plates', revision 'never': got no such revision"),
        ("somebody/nothing", {}, "model 'somebody/nothing': got no such model, or a private one"),
    ):
        said = client(pull(tmp_path / "out", name, **options), cache="fresh")
        assert said.startswith(f"refused: {told}") and "\n" not in said


def test_a_server_that_is_gone(client: Callable[..., str], tmp_path: Path) -> None:
    model, gone = small_model(tmp_path / "model"), "http://127.0.0.1:9"
    for script in (push(model), pull(tmp_path / "out")):
        said = client(script, HF_ENDPOINT=gone)
        assert f"got {gone} cannot be reached" in said and "\n" not in said


def test_a_server_that_does_not_speak_xet(server: tuple[str, Hub], client: Callable[..., str], tmp_path: Path) -> None:
    """The newer store is the library's first choice, and this server has none: as far as Xet is tried here."""
    pytest.importorskip("hf_xet", reason="hf_xet is not installed")
    said = client(push(small_model(tmp_path / "model")), HF_HUB_DISABLE_XET="0")
    assert said.startswith("refused: push to 'somebody/plates': got ") and "404" in said and "\n" not in said
    assert any("xet-write-token" in line for line in server[1].asked)
