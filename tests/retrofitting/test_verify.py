"""How much a site matters: measured on the whole output, and warned of where it hardly does."""

import warnings
from collections.abc import Callable
from dataclasses import dataclass
from types import SimpleNamespace

import attrs
import pytest
import torch
from torch import Tensor, nn

from rat_modules import retrofit
from rat_modules.errors import RetrofitError

from .networks import Decoder, Reused

Z = torch.randn(3, 6)


def test_every_site_of_a_plain_network_matters() -> None:
    r = retrofit(Decoder().eval(), cond_dim=5)
    before = {name: value.clone() for name, value in r.base.state_dict().items()}
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert r.verify(Z) == []
    effects = [site.effect for site in r.sites]
    assert all(0.01 < effect < 10 for effect in effects)
    assert r.verify(lambda base: base(Z)) == [] and [site.effect for site in r.sites] == effects
    assert all(torch.equal(value, before[name]) for name, value in r.base.state_dict().items())
    assert "0." in repr(r).splitlines()[2]


class Cancelled(nn.Module):
    """An instance norm undoes the first site; a gate at zero hides the second; the third matters."""

    def __init__(self) -> None:
        super().__init__()
        self.one, self.norm = nn.Conv2d(3, 4, 1), nn.InstanceNorm2d(4)
        self.two, self.gate = nn.Conv2d(4, 4, 1), nn.Parameter(torch.zeros(1))
        self.three = nn.Conv2d(4, 4, 1)

    def forward(self, x: Tensor) -> dict[str, object]:
        x = self.norm(self.one(x))
        x = x + self.gate * self.two(x)
        return {"image": [self.three(x)], "size": 4}


def test_weak_sites_are_returned_and_warned_of() -> None:
    r = retrofit(Cancelled().eval(), cond_dim=5, targets=["one", "two", "three"])
    with pytest.warns(UserWarning, match="hardly be seen through 2 of 3 sites: one .*two"):
        weak = r.verify(torch.randn(2, 3, 16, 16))
    assert [site.name for site in weak] == ["one", "two"]
    assert r.sites[0].effect < 1e-3 and r.sites[1].effect == 0 and r.sites[2].effect > 0.1


def test_noise_of_the_network_itself_is_not_mistaken_for_an_effect() -> None:
    class Noisy(Cancelled):
        def forward(self, x: Tensor) -> dict[str, object]:
            return super().forward(x + torch.randn_like(x))

    r = retrofit(Noisy().eval(), cond_dim=5, targets="two")
    with pytest.warns(UserWarning):
        r.verify(torch.randn(2, 3, 8, 8))
    assert r.sites[0].effect == 0


def test_calls_are_shaken_one_by_one() -> None:
    r = retrofit(Reused().eval(), cond_dim=5, example_inputs=Z, on_reuse="per_call")
    r.verify(Z)
    assert len({site.effect for site in r.sites}) == 3 and all(site.effect > 0.01 for site in r.sites)


def test_an_output_that_is_not_finite() -> None:
    model = Decoder().eval()
    nn.init.constant_(model.last.bias, float("nan"))
    with pytest.raises(RetrofitError, match="verify: got an output of the network itself that is not finite"):
        retrofit(model, cond_dim=5).verify(Z)


def test_a_site_that_makes_the_output_overflow_is_not_weak() -> None:
    class Steep(nn.Sequential):
        def forward(self, x: Tensor) -> Tensor:
            return 1 / (super().forward(x) == x).all().float()

    r = retrofit(Steep(nn.BatchNorm1d(6, eps=0.0)).eval(), cond_dim=5)
    assert r.verify(Z) == [] and r.sites[0].effect == float("inf")


class Plain:
    def __init__(self, image: Tensor) -> None:
        self.image, self.itself, self.model = image, self, nn.Linear(2, 2)


@attrs.define
class Slots:
    image: Tensor


@dataclass(slots=True)
class Data:
    image: Tensor


@pytest.mark.parametrize("kind", [Plain, Slots, Data, lambda image: SimpleNamespace(image=[image])])
def test_outputs_that_are_objects(kind: Callable[[Tensor], object]) -> None:
    class Wrapped(Decoder):
        def forward(self, z: Tensor) -> object:
            return kind(super().forward(z))

    torch.manual_seed(0)
    model = Decoder().eval()
    wrapped = Wrapped().eval()
    wrapped.load_state_dict(model.state_dict())
    effects = []
    for each in (model, wrapped):
        r = retrofit(each, cond_dim=5)
        assert r.verify(Z) == []
        effects.append([site.effect for site in r.sites])
    assert effects[0] == effects[1]


def test_a_site_that_gives_no_tensor() -> None:
    class Pair(nn.Module):
        def forward(self, x: Tensor) -> tuple[Tensor, int]:
            return x, 1

    class First(nn.Sequential):
        def forward(self, x: Tensor) -> Tensor:
            return super().forward(x)[0]

    r = retrofit(First(Pair()), cond_dim=5, targets="0", channels=6)
    with pytest.raises(RetrofitError, match="site '0' gives no tensor: got tuple; name a module inside it"):
        r.verify(Z)


def test_an_output_without_numbers() -> None:
    class Silent(Decoder):
        def forward(self, z: Tensor) -> str:
            super().forward(z)
            return "done"

    with pytest.raises(RetrofitError, match="verify: got an output without floating-point tensors"):
        retrofit(Silent().eval(), cond_dim=5).verify(Z)
