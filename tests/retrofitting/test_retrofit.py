"""A retrofitted network is the original until it learns, follows the sentence then, and gives the original back."""

import copy
import io
import pickle
import warnings

import pytest
import torch
from torch import Tensor, nn
from torch.optim.swa_utils import AveragedModel, get_ema_multi_avg_fn

from rat_modules import RecurrentController, retrofit
from rat_modules.errors import RatError, RetrofitError
from rat_modules.retrofitting.adapter import modulate

from .networks import Decoder, Reused, awaken

Z, S, N = torch.randn(3, 6), torch.randn(3, 5), torch.randn(3, 4)


def made(model: nn.Module | None = None, *, awake: bool = True, **more):
    torch.manual_seed(0)
    model = (model or Decoder()).eval()
    r = retrofit(model, cond_dim=5, noise_dim=4, hidden_dim=8, example_inputs=Z, **more)
    if awake:
        awaken(r)
    return r


def follow(r, sentence: Tensor = S) -> Tensor:
    return r(Z, sentence=sentence, controller_noise=N)


def test_it_is_the_original_bit_for_bit_until_it_learns() -> None:
    model = Decoder().eval()
    before, keys = model(Z), list(model.state_dict())
    r = made(model, awake=False)
    with r.condition(S, N):
        assert torch.equal(model(Z), before)
    assert torch.equal(follow(r), before)
    assert r.base is model and list(model.state_dict()) == keys


def test_it_follows_the_sentence_and_the_noise() -> None:
    r = made()
    found = follow(r)
    with r.condition(S, N):
        assert torch.equal(r.base(Z), found)
    for other in (follow(r, S.flip(0)), r(Z, sentence=S, controller_noise=N.flip(0))):
        assert (other - found).abs().max() > 1e-3
    steps = torch.stack([S, S.flip(0)])
    torch.testing.assert_close(follow(r, torch.stack([S, S])), found)
    assert not torch.allclose(follow(r, steps), found)


def test_every_site_reads_its_own_step() -> None:
    r = made()
    one, two = torch.randn(3, 5), torch.randn(3, 5)
    seen: dict[str, list[Tensor]] = {}
    for name in ("norm1", "norm2"):
        r.base.get_submodule(name).register_forward_hook(
            lambda _m, _i, output, name=name: seen.setdefault(name, []).append(output)
        )
    for fine in (one, two):
        follow(r, torch.stack([S, fine]))
    assert torch.equal(*seen["norm1"]) and not torch.equal(*seen["norm2"])


def test_disabled_and_taken_off_it_is_the_original() -> None:
    model = Decoder().eval()
    model.last.weight.requires_grad_(False)
    before = model(Z)
    r = made(model)
    with r.condition(S, N), r.disabled():
        assert torch.equal(model(Z), before)
        assert r.conditioning.open[-1].called == {(site.name, 0) for site in r.sites}, "they ran, as asked"
    assert not any(parameter.requires_grad for parameter in model.parameters())
    assert r.unretrofit() is model and torch.equal(model(Z), before)
    learns = {name for name, parameter in model.named_parameters() if parameter.requires_grad}
    assert learns == {name for name, _ in model.named_parameters()} - {"last.weight"}
    assert not any(module._forward_hooks for module in model.modules())


def test_only_the_adapters_learn_and_the_base_stays() -> None:
    r = made(awake=False).train()
    kept = {name: value.clone() for name, value in r.base.state_dict().items() if name != "runs"}
    optimizer = torch.optim.SGD((parameter for _, parameter in r.adapter_named_parameters()), lr=0.5)
    for _ in range(3):
        loss = (follow(r) - 0.5).square().mean()
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    assert (follow(r) - 0.5).square().mean() < loss
    assert all(torch.equal(r.base.state_dict()[name], value) for name, value in kept.items())
    assert all(parameter.grad is not None for _, parameter in r.adapter_named_parameters())
    trained = made(freeze_base=False).train()
    assert trained.base.training and all(parameter.requires_grad for parameter in trained.base.parameters())


@pytest.mark.parametrize("how", ["deepcopy", "pickle", "torch.save"])
def test_a_copy_is_its_own(how: str) -> None:
    r = made()
    found = follow(r)
    if how == "deepcopy":
        with r.condition(S, N):
            twin = copy.deepcopy(r)
            r.base(Z)
    elif how == "pickle":
        twin = pickle.loads(pickle.dumps(r))
    else:
        torch.save(r, file := io.BytesIO())
        file.seek(0)
        twin = torch.load(file, weights_only=False)
    assert torch.equal(follow(twin), found)
    awaken(twin, seed=1)
    assert torch.equal(follow(r), found) and not torch.equal(follow(twin), found)
    with r.condition(S, N), pytest.raises(RetrofitError, match="no condition is set"):
        r.base(Z)
        twin.base(Z)
    twin.unretrofit()
    assert torch.equal(follow(r), found)


def test_an_average_of_weights_follows_slowly() -> None:
    r = made()
    average = AveragedModel(r, multi_avg_fn=get_ema_multi_avg_fn(0.5))
    average.update_parameters(r)
    before = average(Z, sentence=S, controller_noise=N)
    assert torch.equal(before, follow(r))
    awaken(r, seed=1)
    assert torch.equal(average(Z, sentence=S, controller_noise=N), before)
    average.update_parameters(r)
    assert not torch.equal(average(Z, sentence=S, controller_noise=N), before)


def test_a_copy_of_the_base_alone_has_no_condition() -> None:
    r = made()
    twin = copy.deepcopy(r.base)
    with r.condition(S, N), pytest.raises(RetrofitError, match="no condition is set for site 'norm1'"):
        r.base(Z)
        twin(Z)


def test_calls_of_one_module_have_steps_of_their_own() -> None:
    shared, several = (made(Reused(), on_reuse=how) for how in ("share", "per_call"))
    assert (len(shared.sites), len(several.sites), len(several.adapters)) == (1, 3, 1)
    steps = torch.stack([S, S, S.flip(0)])
    found = follow(several, steps)
    assert not torch.equal(found, follow(several, torch.stack([S, S.flip(0), S])))
    assert torch.equal(follow(several, steps), found), "and the count starts again"
    names = {name.partition(".")[0] for name, _ in several.adapter_named_parameters()}
    assert names == {"controller", "site:norm#0", "site:norm#1", "site:norm#2"}


def test_a_count_that_an_error_broke_off_starts_again() -> None:
    r = made(Reused(), on_reuse="per_call")
    found = follow(r)
    broken = r.base.drop.register_forward_hook(lambda *_: 1 / 0)
    with pytest.raises(ZeroDivisionError):
        follow(r)
    broken.remove()
    assert torch.equal(follow(r), found)


def test_a_controller_of_ones_own() -> None:
    controller = RecurrentController(5, noise_dim=None, hidden_dim=7, cell="gru")
    r = retrofit(Decoder().eval(), cond_dim=5, controller=controller)
    assert r.controller is controller and r(Z, sentence=S).shape == (3, 3, 6, 6)
    for wrong in ({"cond_dim": 4}, {"cond_dim": 5, "noise_dim": 3}, {"cond_dim": 5, "hidden_dim": 8}):
        with pytest.raises(RatError, match="controller: got"):
            retrofit(Decoder(), controller=controller, **wrong)


def layouts() -> list[Tensor]:
    x = torch.randn(2, 3, 4, 5)
    return [
        x,
        x.contiguous(memory_format=torch.channels_last),
        x.transpose(0, 1).contiguous().transpose(0, 1),
        x.permute(3, 2, 0, 1).contiguous().permute(2, 3, 1, 0),
        torch.randn(2, 3, 1, 1).contiguous(memory_format=torch.channels_last),
        torch.randn(2, 3, 4, 5, 2).contiguous(memory_format=torch.channels_last_3d),
        torch.randn(2, 3),
    ]


@pytest.mark.parametrize("x", layouts())
@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16, torch.float16, torch.float64])
def test_layout_and_dtype_are_those_of_the_features(x: Tensor, dtype: torch.dtype) -> None:
    x = x.to(dtype)
    same = modulate(x, torch.ones(2, 3), torch.zeros(2, 3), 1)
    assert torch.equal(same, x) and same.dtype == dtype and same.stride() == x.stride()
    gamma, beta = torch.randn(2, 3, dtype=torch.float64), torch.randn(2, 3, dtype=torch.float64)
    shape = (2, 3, *[1] * (x.ndim - 2))
    expected = gamma.to(dtype).view(shape) * x + beta.to(dtype).view(shape)
    # one rounding instead of two
    torch.testing.assert_close(modulate(x, gamma, beta, 1), expected, rtol=2 * torch.finfo(dtype).eps, atol=1e-2)
    assert modulate(x, gamma, beta, 1).stride() == x.stride()


def test_half_precision_and_autocast() -> None:
    r = made(awake=False)
    r.base.bfloat16()
    with r.disabled():
        original = r.base(Z.bfloat16())
    assert torch.equal(r(Z.bfloat16(), sentence=S, controller_noise=N), original)
    r.base.float()
    with torch.autocast("cpu", torch.bfloat16):
        with r.disabled():
            original = r.base(Z)
        assert torch.equal(follow(r), original)
    awaken(r)
    found = follow(r)
    with torch.autocast("cpu", torch.bfloat16):
        half = follow(r)
    # 0.4 % measured; the original alone differs by as much
    assert 0 < (half.float() - found).norm() < 0.01 * found.norm()
    assert (half.float() - original.float()).norm() > 0.1 * found.norm()


def test_weights_that_did_not_learn_still_do_not_and_all_others_do() -> None:
    model = nn.Sequential(nn.Linear(6, 6), nn.BatchNorm1d(6)).eval()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # an older way, and in many networks
        nn.utils.weight_norm(model[0])
        model[1].bias.requires_grad_(False)
        r = retrofit(model, cond_dim=5)
        nn.utils.remove_weight_norm(model[0])
    r.unretrofit()
    assert {name: each.requires_grad for name, each in model.named_parameters()} == {
        "0.weight": True, "0.bias": True, "1.weight": True, "1.bias": False,
    }  # fmt: skip


def test_a_base_that_was_not_frozen_keeps_what_its_owner_froze() -> None:
    r = made(freeze_base=False)
    r.base.last.requires_grad_(False)
    r.unretrofit()
    assert not r.base.last.weight.requires_grad and r.base.first.weight.requires_grad


def test_taken_off_twice_it_leaves_the_next_retrofit_alone() -> None:
    r = made()
    following = made(r.unretrofit())
    found = follow(following)
    assert r.unretrofit() is following.base and torch.equal(follow(following), found)
    assert not any(parameter.requires_grad for parameter in following.base.parameters())


def test_a_frozen_base_in_training_mode_is_warned_of_once() -> None:
    model = Decoder().train()
    with pytest.warns(UserWarning, match=r"statistics of 'norm1' will move; r.train\(\), r.eval") as said:
        r = retrofit(model, cond_dim=5, noise_dim=4, hidden_dim=8)
    assert len(said) == 1 and said[0].filename == __file__ and model.training, "its mode is its owner's"
    before = model.norm1.running_mean.clone()
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        follow(r.train())
        assert torch.equal(model.norm1.running_mean, before)
        model = r.unretrofit().train()
        model.norm1.eval()
        retrofit(model, cond_dim=5)


def test_a_warning_that_is_an_error_leaves_nothing_attached() -> None:
    model = Decoder().train()
    with warnings.catch_warnings(), pytest.raises(UserWarning):
        warnings.simplefilter("error")
        retrofit(model, cond_dim=5)
    assert not any(module._forward_hooks for module in model.modules())
    assert all(parameter.requires_grad for parameter in model.parameters())


def test_the_table() -> None:
    r = made()
    lines = repr(r).splitlines()
    assert lines[0].startswith("Retrofitted Decoder: 2 steps, ") and lines[0].endswith(" parameters to learn")
    assert lines[1].split() == ["step", "site", "type", "channels", "dim", "calls", "effect"]
    assert lines[2].split() == ["0", "norm1", "BatchNorm2d", "16", "1", "1", "-"] and len(lines) == 4
