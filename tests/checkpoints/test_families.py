"""Families of plugins: registered like any component, resolved when files are converted, harmless when broken."""

import logging
from collections.abc import Iterator
from functools import partial
from pathlib import Path

import attrs
import pytest
import torch
from torch import Tensor

from rat_modules.checkpoints.conversion import convert
from rat_modules.checkpoints.entries import find_entries
from rat_modules.checkpoints.families import FAMILIES
from rat_modules.checkpoints.family import Family, Layout, Network, Sizes, Weights
from rat_modules.checkpoints.kinds import Kind
from rat_modules.checkpoints.published_keys import KeyMap
from rat_modules.checkpoints.ratgan_family import PLAIN_DISCRIMINATOR, RELEASED
from rat_modules.errors import CheckpointError, PluginError, UnknownNameError
from rat_modules.registry import Entry, get_catalog

from .published_files import net_d, net_g

SMALL = {"noise": 5, "sentence": 6, "hidden": 7}


def renamed(state: dict[str, Tensor]) -> dict[str, Tensor]:
    return {f"mine.{key}": tensor for key, tensor in state.items()}


def plain(weights: Weights) -> dict[str, Tensor]:
    return {key.removeprefix("mine."): tensor for key, tensor in weights.items()}


def prefixed(keys: KeyMap) -> KeyMap:
    return KeyMap(
        {f"mine.{theirs}": ours for theirs, ours in keys.rename.items()},
        {f"mine.{name}": f"mine.{of}" for name, of in keys.alias.items()},
        tuple(f"mine.{name}" for name in keys.unused),
    )


def read(weights: Weights, known: Sizes, *, network: Network) -> Layout:
    """RAT-GAN under other names: what an author of a plugin would write for an own system."""
    layout = network.read(plain(weights), known)
    return attrs.evolve(layout, keys=prefixed(layout.keys))


GENERATOR = Kind("my generator", (r"mine\.block\d+\.c1\.weight", r"mine\.fc\.weight"), "give it as --generator")
DISCRIMINATOR = Kind("my discriminator", (r"mine\.block\d+\.conv_r\..+",), "give it as --discriminator")
MINE = Family(
    recipe="ratgan-released",
    generator=Network(GENERATOR, partial(read, network=RELEASED.generator)),
    discriminator=Network(DISCRIMINATOR, partial(read, network=PLAIN_DISCRIMINATOR)),
    bundle={"netD": ""},
)


@pytest.fixture
def registered() -> Iterator[None]:
    """A family of a plugin, between one whose module is gone and one that is no family."""
    entries = [
        Entry("families", "gone", "no_such_module_at_all:FAMILY", owner="test", summary="cannot be imported"),
        Entry("families", "mine", MINE, owner="test", summary="RAT-GAN under other names"),
        Entry("families", "odd", "collections:OrderedDict", owner="test", summary="is no family"),
    ]
    get_catalog().add(entries)
    yield
    get_catalog().discard("test")


@pytest.fixture
def files(tmp_path: Path) -> dict[str, Path]:
    state = {"netG": renamed(net_g(1, 16, 1, **SMALL)), "netD": renamed(net_d(1, 16, 1, sentence=6))}
    torch.save({"model": state, "epoch": 3}, tmp_path / "all.pth")
    torch.save(state["netG"], tmp_path / "netG.pth")
    torch.save(net_g(1, 16, 1, **SMALL), tmp_path / "ratgan.pth")
    return {path.stem: path for path in tmp_path.iterdir()}


@pytest.mark.usefixtures("registered")
@pytest.mark.parametrize("family", [None, "mine"])
def test_a_plugins_family_is_recognised_and_converted(files: dict[str, Path], family: str | None) -> None:
    done = convert(generator=files["all"], family=family)
    assert (done.family.name, done.family.summary, done.notes) == ("mine", "RAT-GAN under other names", ())
    generator, discriminator = done.parts
    assert generator.notes[:2] == ["read the entry model.netG", "not read: epoch"]
    assert discriminator.notes == ["read the entry model.netD"] and discriminator.name == "discriminator"
    theirs = convert(generator=files["ratgan"])
    ours, expected = done.assembly.generator.state_dict(), theirs.assembly.generator.state_dict()
    assert all(torch.equal(ours[name], expected[name]) for name in expected)
    assert convert(generator=files["netG"]).assembly.discriminator is None


@pytest.mark.usefixtures("registered")
def test_a_broken_family_disturbs_nobody_but_who_asks_for_it(
    files: dict[str, Path], caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level(logging.WARNING, "rat_modules"):
        assert convert(generator=files["ratgan"], family="ratgan-flower").family.name == "ratgan-flower"
        assert caplog.text == "", "nobody else is looked at"
        assert convert(generator=files["ratgan"]).family.name == "ratgan-released"
    assert "families 'gone' of plugin 'test' cannot be used" in caplog.text
    assert "families 'odd' of plugin 'test' cannot be used: got type, expected a rat_modules" in caplog.text
    for name in ("gone", "odd"):
        with pytest.raises(PluginError, match=f"families '{name}' of plugin 'test' cannot be used"):
            convert(generator=files["ratgan"], family=name)


@pytest.mark.usefixtures("registered")
def test_the_wrong_family_is_answered_with_the_right_one(files: dict[str, Path]) -> None:
    with pytest.raises(CheckpointError, match="expected RAT-GAN generator; choose --family mine"):
        convert(generator=files["all"], family="ratgan-flower")
    with pytest.raises(CheckpointError, match="expected my generator; choose --family ratgan-released or "):
        convert(generator=files["ratgan"], family="mine")


def test_without_the_plugin_the_package_is_named(files: dict[str, Path]) -> None:
    assert list(FAMILIES) == ["ratgan-released", "ratgan-released-attention", "ratgan-flower"]
    for name in ("dfgan", "ssagan"):
        said = rf"expected one of ratgan-released, .*; .*--family {name} comes with the package rat-modules-{name}"
        with pytest.raises(UnknownNameError, match=said):
            convert(generator=files["ratgan"], family=name)
    with pytest.raises(UnknownNameError, match="did you mean 'dfgan'"):
        convert(generator=files["ratgan"], family="df-gan")
    torch.save({"model": {"netG": {"GBlocks.0.c1.weight": torch.ones(1)}}}, files["all"])
    with pytest.raises(CheckpointError, match=r"got DF-GAN generator, .*comes with the package rat-modules-dfgan"):
        convert(generator=files["all"])
    with pytest.raises(CheckpointError, match="is no published generator known here"):
        convert(generator=files["netG"])


def test_entries_are_found_below_wrappers_only() -> None:
    state = {"a": torch.zeros(1)}
    names = ["netD", "netC"]
    assert list(find_entries("f", {"model": {"netD": state, "netC": {"state_dict": state}}}, names)) == [
        "model.netD",
        "model.netC",
    ]
    assert find_entries("f", {"other": {"netD": state}}, names) == find_entries("f", state, names) == {}
    endless: dict[str, object] = {}
    endless["model"] = endless
    assert find_entries("f", endless, names) == {}
    with pytest.raises(CheckpointError, match="f holds no state dict of a discriminator"):
        find_entries("f", {"netD": {"epoch": 3}}, names)
