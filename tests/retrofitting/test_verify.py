"""How much a site matters: measured on the whole output, and warned of where it hardly does."""

import warnings

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


def test_an_output_without_numbers() -> None:
    class Silent(Decoder):
        def forward(self, z: Tensor) -> str:
            super().forward(z)
            return "done"

    with pytest.raises(RetrofitError, match="verify: got an output without floating-point tensors"):
        retrofit(Silent().eval(), cond_dim=5).verify(Z)
