"""Adapters are saved without the base, and fit the architecture that they were made for and no other."""

import json
from collections import OrderedDict
from pathlib import Path

import pytest
import torch
from safetensors import safe_open
from safetensors.torch import load_file, save_file
from torch import nn

from rat_modules import RecurrentController, load_retrofit, retrofit
from rat_modules.errors import RatError, RetrofitError
from rat_modules.retrofitting import Retrofitted
from rat_modules.retrofitting.sites import Site

from .networks import Decoder, Reused, awaken

Z, S = torch.randn(3, 6), torch.randn(3, 5)


def saved(folder: Path, model: nn.Module | None = None, **more):
    r = retrofit((model or Decoder()).eval(), cond_dim=5, hidden_dim=8, example_inputs=Z, **more)
    awaken(r)
    r.save_adapter(folder)
    return r


@pytest.mark.parametrize("reuse", ["share", "per_call"])
def test_there_and_back(tmp_path: Path, reuse: str) -> None:
    r = saved(tmp_path, Reused(), on_reuse=reuse)
    model = Reused().eval()
    model.load_state_dict(r.base.state_dict())
    again = load_retrofit(model, tmp_path)
    assert torch.equal(again(Z, sentence=S), r(Z, sentence=S))
    assert again.base is model and again.sites == r.sites and again.frozen
    assert not any(parameter.requires_grad for parameter in model.parameters())


def test_the_files_name_what_they_hold(tmp_path: Path) -> None:
    saved(tmp_path)
    assert {path.name for path in tmp_path.iterdir()} == {"rat_config.json", "rat_adapter.safetensors"}
    names = {name.partition(".")[0] for name in load_file(tmp_path / "rat_adapter.safetensors")}
    assert names == {"controller", "site:norm1#0", "site:norm2#0"}
    config = json.loads((tmp_path / "rat_config.json").read_text())
    assert [site["name"] for site in config["sites"]] == ["norm1", "norm2"] and config["base"].endswith("Decoder")


def test_another_architecture_is_refused_and_left_alone(tmp_path: Path) -> None:
    saved(tmp_path)
    other = Decoder()
    other.norm1 = nn.BatchNorm2d(16, affine=False)
    with pytest.raises(RetrofitError, match=r"made for another architecture: got .*Decoder .* expected .*Decoder"):
        load_retrofit(other, tmp_path)
    assert not any(module._forward_hooks for module in other.modules())


def spoil(folder: Path, how: str) -> None:
    config, weights = folder / "rat_config.json", folder / "rat_adapter.safetensors"
    if how == "no config":
        config.unlink()
    elif how == "no weights":
        weights.unlink()
    elif how == "not json":
        config.write_text("{")
    elif how == "a site less":
        content = json.loads(config.read_text())
        config.write_text(json.dumps({**content, "sites": content["sites"][:1]}))
    elif how == "another format":
        config.write_text(json.dumps({**json.loads(config.read_text()), "format": "rat_modules retrofit/9"}))
    elif how == "an entry less":
        content = json.loads(config.read_text())
        del content["controller"]
        config.write_text(json.dumps(content))
    elif how == "half a file":
        weights.write_bytes(weights.read_bytes()[:500])
    elif how == "weights of others":
        save_file({"a": torch.ones(1)}, weights)


HOW = {
    "no config": "no file .*rat_config.json",
    "no weights": "no file .*rat_adapter.safetensors",
    "not json": "is damaged",
    "a site less": "do not belong together",
    "another format": "format of .*retrofit/9",
    "an entry less": "is damaged",
    "half a file": "truncated or not a safetensors file",
    "weights of others": "do not belong together",
}


@pytest.mark.parametrize("how", HOW)
def test_spoilt_files_are_refused_and_the_network_left_alone(tmp_path: Path, how: str) -> None:
    saved(tmp_path)
    spoil(tmp_path, how)
    model = Decoder()
    with pytest.raises(RatError, match=HOW[how]):
        load_retrofit(model, tmp_path)
    assert not any(module._forward_hooks for module in model.modules())
    assert all(parameter.requires_grad for parameter in model.parameters())


def weightless(*kinds: str) -> nn.Module:
    """Norms that leave no trace in the keys and shapes of a network."""
    made = {"norm": lambda: nn.InstanceNorm1d(4), "relu": nn.ReLU, "flat": nn.Flatten}
    return nn.Sequential(OrderedDict((f"part{place}", made[kind]()) for place, kind in enumerate(kinds)))


OTHERS = [
    (("relu", "norm", "norm"), "'part0' is another module than .*: got ReLU, expected InstanceNorm1d; build"),
    (("norm", "norm", "relu"), "'part2' is another module"),
    (("norm",), "'part2' is another module than .*: got no such module, expected InstanceNorm1d"),
]


@pytest.mark.parametrize(("kinds", "words"), OTHERS)
def test_other_modules_under_the_same_keys(tmp_path: Path, kinds: tuple[str, ...], words: str) -> None:
    retrofit(weightless("norm", "relu", "norm"), cond_dim=5, hidden_dim=8).save_adapter(tmp_path)
    other = weightless(*kinds)
    with pytest.raises(RetrofitError, match=words):
        load_retrofit(other, tmp_path)
    assert not any(module._forward_hooks for module in other.modules())


def test_nothing_is_attached_where_a_site_is_missing() -> None:
    model, controller = weightless("norm"), RecurrentController(5)
    model.append(nn.BatchNorm1d(4))
    sites = [Site(name, "InstanceNorm1d", 4, 1, step) for step, name in enumerate(("part0", "part2"))]
    with pytest.raises(AttributeError):
        Retrofitted(model, controller, sites, frozen=True)
    assert not any(module._forward_hooks for module in model.modules())
    assert all(parameter.requires_grad for parameter in model.parameters())


def test_a_config_of_another_save_is_refused(tmp_path: Path) -> None:
    """What a kill between the two files leaves behind."""
    saved(tmp_path)
    config = (tmp_path / "rat_config.json").read_text()
    saved(tmp_path, order=["norm2", "norm1"])
    (tmp_path / "rat_config.json").write_text(config)
    model = Decoder().eval()
    with pytest.raises(RatError, match=r"rat_adapter.safetensors and rat_config.json do not belong together"):
        load_retrofit(model, tmp_path)
    assert not any(module._forward_hooks for module in model.modules())


def test_effects_that_were_measured_meanwhile_are_no_other_sites(tmp_path: Path) -> None:
    r = saved(tmp_path)
    text = (tmp_path / "rat_config.json").read_text()
    r.verify(Z)
    r.save_adapter(tmp_path)
    assert (tmp_path / "rat_config.json").read_text() != text
    (tmp_path / "rat_config.json").write_text(text)
    assert load_retrofit(Decoder().eval(), tmp_path).sites[0].effect is None


def test_folders_that_say_less(tmp_path: Path) -> None:
    r = saved(tmp_path)
    weights, config = tmp_path / "rat_adapter.safetensors", tmp_path / "rat_config.json"
    with safe_open(weights, framework="pt") as file:
        metadata = file.metadata()
    save_file(load_file(weights), weights, metadata={key: metadata[key] for key in ("format", "fingerprint")})
    content = json.loads(config.read_text())
    del content["once"]
    config.write_text(json.dumps(content))
    model = Decoder().eval()
    model.load_state_dict(r.base.state_dict())
    assert torch.equal(load_retrofit(model, tmp_path)(Z, sentence=S), r(Z, sentence=S))


class Extra(nn.BatchNorm1d):
    def get_extra_state(self) -> dict[str, int]:
        return {"kept": 1}

    def set_extra_state(self, state: dict[str, int]) -> None:
        assert state == {"kept": 1}


def test_a_network_with_a_state_that_is_no_tensor(tmp_path: Path) -> None:
    retrofit(nn.Sequential(Extra(4)).eval(), cond_dim=5, hidden_dim=8).save_adapter(tmp_path)
    assert load_retrofit(nn.Sequential(Extra(4)).eval(), tmp_path).sites[0].name == "0"
    with pytest.raises(RetrofitError, match="another architecture"):
        load_retrofit(nn.Sequential(nn.BatchNorm1d(4)), tmp_path)


class Other(RecurrentController):
    pass


def test_a_controller_that_no_file_describes(tmp_path: Path) -> None:
    with pytest.raises(RetrofitError, match="controller: got Other"):
        saved(tmp_path, controller=Other(5, hidden_dim=8))
    assert list(tmp_path.iterdir()) == []
