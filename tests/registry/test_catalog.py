"""Entries, look-up and nearest names."""

import collections

import pytest

from rat_modules import PluginError, UnknownNameError
from rat_modules.checkpoints.family import Family
from rat_modules.registry import KINDS, Catalog, Entry, get_catalog, hookspecs
from rat_modules.registry.manager import Manager
from rat_modules.registry.nearest import did_you_mean, nearest


def test_every_kind_has_a_hook_with_one_argument() -> None:
    assert KINDS == (
        "layers", "cells", "fusions", "losses", "generators", "discriminators", "text_encoders", "datasets", "metrics",
        "recipes", "families",
    )  # fmt: skip
    for kind in KINDS:
        hook = getattr(hookspecs, hookspecs.hook_name(kind))
        assert hook.__code__.co_varnames == ("register",) and hook.__doc__


def test_strings_resolve_when_used_and_objects_are_themselves() -> None:
    assert Entry("layers", "a", "collections:OrderedDict", "me").resolve() is collections.OrderedDict
    assert Entry("layers", "a", "collections:OrderedDict.fromkeys", "me").resolve() == collections.OrderedDict.fromkeys
    thing = object()
    assert Entry("layers", "a", thing, "me").resolve() is thing


@pytest.mark.parametrize("target", ["collections:Nothing", "no_such_module_at_all:Thing"])
def test_a_target_that_does_not_resolve_names_kind_name_and_owner(target: str) -> None:
    with pytest.raises(PluginError, match=r"layers 'a' of plugin 'me' cannot be used: got .*Nothing|no_such_module"):
        Entry("layers", "a", target, "me").resolve()


def test_problem_looks_without_importing() -> None:
    import sys

    sys.modules.pop("antigravity", None)
    assert Entry("layers", "a", "antigravity:geohash", "me").problem() is None
    assert "antigravity" not in sys.modules
    assert Entry("layers", "a", "json.decoder:JSONDecoder", "me").problem() is None
    assert Entry("layers", "a", "json.no_such:X", "me").problem() == "no module json.no_such"
    assert Entry("layers", "a", "math.inner:X", "me").problem() == "no module math.inner"
    assert "no file" in str(Entry("recipes", "a", "rat_modules.recipes:absent.toml", "me").problem())
    assert "cannot be used" in str(Entry("recipes", "a", "math:absent.toml", "me").problem())


def test_adding_is_all_or_nothing_and_names_both_owners() -> None:
    catalog = Catalog()
    catalog.add([Entry("cells", "x", 1, "first")])
    with pytest.raises(
        PluginError, match="cells 'x' is registered twice: got one from plugin 'first' and one from plugin 'second'"
    ):
        catalog.add([Entry("cells", "y", 2, "second"), Entry("cells", "x", 3, "second")])
    assert [entry.name for entry in catalog] == ["x"] and catalog.get("cells", "x").target == 1
    catalog.add([Entry("fusions", "x", 4, "second")])  # the same name under another kind is another thing
    catalog.discard("first")
    assert [entry.target for entry in catalog] == [4]


def test_unknown_names_and_kinds_come_with_the_nearest() -> None:
    with pytest.raises(
        UnknownNameError, match=r"fusions: got 'afine', expected one of affine, .*did you mean 'affine'"
    ):
        get_catalog().get("fusions", "afine")
    with pytest.raises(UnknownNameError, match=r"kind of component: got 'fusion', .*did you mean 'fusions'"):
        get_catalog().get("fusion", "affine")


def test_nearest_ignores_case_and_the_two_dashes() -> None:
    assert nearest("Text-Encoder", ["text_encoder", "training"]) == ["text_encoder"]
    assert did_you_mean("zzz", ["width"]) is None


BUILTINS = [entry for entry in Manager().catalog if entry.kind != "recipes"]


@pytest.mark.parametrize("entry", BUILTINS, ids=[f"{entry.kind}-{entry.name}" for entry in BUILTINS])
def test_every_builtin_resolves(entry: Entry) -> None:
    assert entry.problem() is None
    assert isinstance(entry.resolve(), Family if entry.kind == "families" else type) and entry.summary


def test_the_names_that_recipes_in_the_world_rely_on() -> None:
    names = {kind: [entry.name for entry in BUILTINS if entry.kind == kind] for kind in ("cells", "fusions", "losses")}
    assert names == {
        "cells": ["lstm", "gru", "none"],
        "fusions": ["affine", "cbn", "cin", "ssa"],
        "losses": ["magp-hinge"],
    }
