"""Everything that a retrofit promises, on networks that others wrote and published."""

import copy
import warnings
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor, nn

from rat_modules import load_retrofit, retrofit
from rat_modules.retrofitting import Retrofitted

from ..networks import awaken
from .generators import GENERATORS, Generator
from .packages import need

S, N = torch.randn(2, 5), torch.randn(2, 4)

pytestmark = [
    pytest.mark.parametrize("name", GENERATORS),
    # these are their authors', not ours
    pytest.mark.filterwarnings("ignore::FutureWarning", "ignore::DeprecationWarning", "ignore::SyntaxWarning"),
]


@pytest.fixture(autouse=True)
def installed(name: str) -> None:
    need(GENERATORS[name].package)


class Made:
    """A retrofitted network, and what it gave before."""

    def __init__(self, generator: Generator) -> None:
        torch.manual_seed(0)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            self.model = generator.build(False).eval()
        self.inputs = generator.inputs(2, False)
        self.before = self.run(self.model)
        self.weights = {name: value.clone() for name, value in self.model.state_dict().items()}
        self.learning = [name for name, value in self.model.named_parameters() if value.requires_grad]
        self.kind, self.modules = type(self.model), list(self.model.named_modules())
        self.r: Retrofitted = retrofit(
            self.model, cond_dim=5, noise_dim=4, hidden_dim=8, example_inputs=self.inputs, **generator.options
        )

    def run(self, model: nn.Module, **more: Any) -> Tensor:
        torch.manual_seed(0)  # some draw noise of their own
        if isinstance(self.inputs, dict):
            return model(**self.inputs, **more)
        return model(*self.inputs, **more)

    def follow(self, r: Retrofitted, sentence: Tensor = S) -> Tensor:
        return self.run(r, sentence=sentence, controller_noise=N)

    def untouched(self) -> bool:
        state = self.model.state_dict()
        return (
            list(state) == list(self.weights)
            and all(torch.equal(value, self.weights[name]) for name, value in state.items())
            and type(self.model) is self.kind
            and list(self.model.named_modules()) == self.modules
        )


def test_it_is_the_original_until_it_learns_and_when_it_is_taken_off(name: str) -> None:
    made = Made(GENERATORS[name])
    assert len(made.r.sites) == GENERATORS[name].sites and made.before.isfinite().all()
    assert torch.equal(made.follow(made.r), made.before) and made.untouched()
    awaken(made.r)
    with made.r.disabled():
        assert torch.equal(made.run(made.model), made.before)
    found = made.follow(made.r)
    assert (found - made.before).norm() > 1e-2 * made.before.norm()
    assert (found - made.follow(made.r, S.flip(0))).norm() > 1e-4 * found.norm()
    assert torch.equal(made.follow(made.r), found), "a hidden state"
    assert made.r.unretrofit() is made.model
    assert torch.equal(made.run(made.model), made.before) and made.untouched()
    assert [name for name, value in made.model.named_parameters() if value.requires_grad] == made.learning
    assert not any(module._forward_hooks for module in made.model.modules())


def test_gradients_reach_everything_that_learns_and_nothing_else(name: str) -> None:
    made = Made(GENERATORS[name])
    awaken(made.r)
    made.follow(made.r).square().mean().backward()
    for parameter_name, parameter in made.r.adapter_named_parameters():
        hidden = any(f"site:{site}#" in parameter_name for site in GENERATORS[name].weak)
        assert parameter.grad is not None and parameter.grad.isfinite().all(), parameter_name
        assert hidden or parameter.grad.abs().sum() > 0, parameter_name
    assert all(parameter.grad is None for parameter in made.model.parameters())


def test_weak_sites_are_found(name: str) -> None:
    made, expected = Made(GENERATORS[name]), GENERATORS[name].weak
    with warnings.catch_warnings(record=True) as said:
        warnings.simplefilter("always")
        weak = made.r.verify(**made.inputs) if isinstance(made.inputs, dict) else made.r.verify(*made.inputs)
    assert [site.name for site in weak] == list(expected)
    assert any("text will hardly be seen" in str(each.message) for each in said) == bool(expected)
    assert all(site.effect < (1e-3 if site.name in expected else 1e3) for site in made.r.sites) and made.untouched()


def test_copies_and_files(name: str, tmp_path: Path) -> None:
    made = Made(GENERATORS[name])
    awaken(made.r)
    with torch.no_grad():
        found = made.follow(made.r)
    twin = copy.deepcopy(made.r)
    assert torch.equal(made.follow(twin), found)
    awaken(twin, seed=1)
    assert torch.equal(made.follow(made.r), found) and not torch.equal(made.follow(twin), found)
    made.r.save_adapter(tmp_path)
    other = Made(GENERATORS[name])
    other.r.unretrofit()
    assert torch.equal(made.follow(load_retrofit(other.model, tmp_path)), found)
