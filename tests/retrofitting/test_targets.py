"""Which modules are sites: names, patterns, classes, functions, and what is said when they match nothing."""

import re

import pytest
import torch
from torch import nn

from rat_modules.errors import RetrofitError
from rat_modules.retrofitting.targets import select


class MyNormalizer(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.inner = nn.BatchNorm2d(4)


def network() -> nn.Module:
    def block() -> nn.Module:
        return nn.ModuleDict({"conv": nn.Conv2d(4, 4, 3), "norm": nn.BatchNorm2d(4), "act": nn.ReLU()})

    model = nn.ModuleDict(
        {"blocks": nn.ModuleList([block(), block()]), "custom": MyNormalizer(), "out": nn.Conv2d(4, 3, 1)}
    )
    nn.utils.parametrizations.weight_norm(model["out"])
    return model


CASES = [
    ("auto", None, ["blocks.0.norm", "blocks.1.norm", "custom"]),
    ("blocks.*.conv", None, ["blocks.0.conv", "blocks.1.conv"]),
    (["blocks.0.conv", "out"], None, ["blocks.0.conv", "out"]),
    (re.compile(r"\.1\.(conv|act)$"), None, ["blocks.1.conv", "blocks.1.act"]),
    (nn.BatchNorm2d, None, ["blocks.0.norm", "blocks.1.norm", "custom.inner"]),
    (lambda name, module: isinstance(module, nn.Conv2d) and "0" in name, None, ["blocks.0.conv"]),
    ([nn.ReLU, "auto"], "custom", ["blocks.0.norm", "blocks.0.act", "blocks.1.norm", "blocks.1.act"]),
    ("auto", ["blocks.0.*", MyNormalizer], ["blocks.1.norm"]),
]


@pytest.mark.parametrize(("targets", "exclude", "expected"), CASES)
def test_what_is_chosen(targets, exclude, expected: list[str]) -> None:
    assert [name for name, _ in select(network(), targets, exclude)] == expected


def test_a_parametrization_is_no_site() -> None:
    chosen = [name for name, _ in select(network(), lambda name, _: True)]
    assert "out" in chosen and not any("parametrizations" in name for name in chosen)


def test_a_module_may_be_named_by_itself() -> None:
    model = network()
    chosen = select(model, [model["out"], model["blocks"][1]["norm"]], exclude=model["out"])
    assert [name for name, _ in chosen] == ["blocks.1.norm"]
    assert [name for name, _ in select(model, model["custom"])] == ["custom"]
    with pytest.raises(RetrofitError, match=r"entry of type BatchNorm2d matches no module.*; it is no part of this"):
        select(model, nn.BatchNorm2d(4))


class Tied(nn.Module):
    """One norm under three names, and one that is a part of itself."""

    def __init__(self) -> None:
        super().__init__()
        self.before = nn.Conv2d(4, 4, 1)
        self.first = nn.BatchNorm2d(4)
        self.second = self.first
        self.all = nn.ModuleList([nn.BatchNorm2d(4), self.first])
        self.all.append(self.all)


TIED = [
    ("auto", None, ["first", "all.0"]),
    ("second", None, ["first"]),
    ("all.*", None, ["first", "all.0"]),
    ("auto", "second", ["all.0"]),
    (lambda name, _: name == "all.1", None, ["first"]),
]


@pytest.mark.parametrize(("targets", "exclude", "expected"), TIED)
def test_a_module_answers_to_every_name_that_it_has(targets, exclude, expected: list[str]) -> None:
    assert [name for name, _ in select(Tied(), targets, exclude)] == [*expected]


def test_a_network_without_parts() -> None:
    with pytest.raises(RetrofitError, match=r"without parts: got BatchNorm2d; retrofit.nn.Sequential.model.."):
        select(nn.BatchNorm2d(4))


REFUSED = [
    ({"targets": "blocks.*.cnov"}, "'blocks.*.cnov' matches no module.*did you mean 'blocks.0.conv'"),
    ({"targets": ["auto", nn.InstanceNorm2d]}, "InstanceNorm2d matches no module.*did you mean 'BatchNorm2d'"),
    ({"targets": [nn.Conv2d, re.compile("convolution")]}, "'convolution' matches no module"),
    ({"exclude": "blocks.7.*"}, "exclude entry 'blocks.7.\\*' matches no module"),
    ({"exclude": ["blocks.*", "custom"]}, "exclude leaves no site"),
    ({"targets": []}, "an empty list"),
    ({"targets": 3}, "got 3"),
]


@pytest.mark.parametrize(("asked", "words"), REFUSED)
def test_what_is_refused(asked: dict[str, object], words: str) -> None:
    with pytest.raises(RetrofitError, match=words):
        select(network(), **asked)


def test_where_there_is_no_norm_it_is_said_what_there_is() -> None:
    model = nn.Sequential(nn.Conv2d(3, 4, 3), nn.ReLU(), nn.Conv2d(4, 3, 3))
    with pytest.raises(RetrofitError, match="finds no norm: got a network of 2 Conv2d, 1 ReLU; name the modules"):
        select(model)


@pytest.mark.parametrize("norm", [nn.LayerNorm(4), nn.InstanceNorm1d(4), nn.SyncBatchNorm(4), nn.RMSNorm(4)])
def test_every_norm_of_torch_is_a_norm(norm: nn.Module) -> None:
    assert [name for name, _ in select(nn.Sequential(nn.Linear(4, 4), norm))] == ["1"]
    assert torch.is_tensor(torch.ones(1))
