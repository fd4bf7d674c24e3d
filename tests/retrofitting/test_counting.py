"""Calls of one module within one forward: as many as in the probe, whatever happened before."""

import threading
import warnings

import pytest
import torch
from torch import Tensor, nn

from rat_modules import load_retrofit, retrofit
from rat_modules.errors import RetrofitError
from rat_modules.retrofitting import Retrofitted

from .networks import Twice, awaken

Z, S = torch.randn(3, 6), torch.randn(3, 5)


def made(on_reuse: str = "per_call", **inputs: int) -> Retrofitted:
    torch.manual_seed(0)
    r = retrofit(Twice().eval(), cond_dim=5, hidden_dim=8, example_inputs={"x": Z, **inputs}, on_reuse=on_reuse)
    awaken(r)
    return r


@pytest.mark.parametrize("times", [1, 3, 4])
def test_more_or_fewer_calls_than_probed(times: int) -> None:
    r = made()
    with pytest.raises(RetrofitError, match=f"than in the probe: got norm {times} times, expected 2; on_reuse='share'"):
        r(Z, times=times, sentence=S)
    assert r(Z, sentence=S).shape == Z.shape


def test_a_call_that_the_condition_never_reached() -> None:
    r = made()
    with pytest.raises(RetrofitError, match="never reached: got norm#1;"), r.condition(S):
        r.base.norm(Z)
    with pytest.raises(RetrofitError, match="got norm 3 times, expected 2"), r.condition(S):
        for _ in range(3):
            r.base.norm(Z)
    with r.condition(S):  # two forwards, in parts
        for _ in range(4):
            r.base.norm(Z)


def test_a_second_call_where_there_may_be_one() -> None:
    r = made("error", times=1)
    with r.condition(S):
        for _ in range(2):
            r.base(Z, times=1)
    with pytest.raises(RetrofitError, match="got norm 2 times, expected 1"):
        r(Z, sentence=S)
    assert made("share")(Z, times=3, sentence=S).shape == Z.shape


def test_it_may_be_one_call_in_another_program_too(tmp_path) -> None:
    made("error", times=1).save_adapter(tmp_path)
    with pytest.raises(RetrofitError, match="got norm 2 times, expected 1"):
        load_retrofit(Twice().eval(), tmp_path)(Z, sentence=S)


def test_an_error_that_the_caller_takes_does_not_shift_the_next_forward() -> None:
    r = made()
    expected = r(Z, sentence=S)
    broken = r.base.norm.register_forward_hook(lambda *_: 1 / 0)
    with r.condition(S):
        with pytest.raises(ZeroDivisionError):
            r.base(Z)
        broken.remove()
        assert torch.equal(r.base(Z), expected)


@pytest.mark.parametrize("whole", [True, False])
def test_what_another_thread_was_refused_is_no_call(whole: bool) -> None:
    r, said = made(), []
    expected = r(Z, sentence=S)

    def elsewhere() -> None:
        try:
            (r.base if whole else r.base.norm)(Z)
        except RetrofitError as error:
            said.append(str(error))

    def between(_module: nn.Module, _inputs: object, _output: Tensor) -> None:
        if threading.current_thread() is threading.main_thread():
            thread = threading.Thread(target=elsewhere)
            thread.start()
            thread.join()

    r.base.norm.register_forward_hook(between)
    assert torch.equal(r(Z, sentence=S), expected)
    assert len(said) == 2 and "in another thread" in said[0]


def test_the_original_may_run_in_between() -> None:
    r = made()
    expected = r(Z, sentence=S)

    def between(_module: nn.Module, _inputs: object, _output: Tensor) -> None:
        with r.disabled():
            r.base.linear(Z), r.base.norm(Z)

    r.base.linear.register_forward_hook(between := once(between))
    assert torch.equal(r(Z, sentence=S), expected)
    with r.disabled():
        assert r.base(Z, times=5).shape == Z.shape


def once(hook):
    """A hook that does nothing while it runs."""
    runs = []

    def guarded(*given: object) -> None:
        if not runs:
            runs.append(1)
            hook(*given)
            runs.clear()

    return guarded


@pytest.mark.parametrize("times", [1, 3])
def test_verify_runs_what_was_probed(times: int) -> None:
    r = made()
    with pytest.raises(RetrofitError, match=f"got norm {times} times, expected 2"):
        r.verify(Z, times=times)

    def in_parts(base: nn.Module) -> Tensor:
        x = Z
        for _ in range(times):
            x = base.norm(base.linear(x))
        return x

    with pytest.raises(RetrofitError, match=f"got norm {times} times, expected 2"):
        r.verify(in_parts)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert r.verify(Z) == []


def test_nothing_is_left_on_the_base() -> None:
    r = made()
    r.unretrofit()
    for module in r.base.modules():
        assert not module._forward_hooks and not module._forward_pre_hooks
