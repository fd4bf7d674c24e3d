"""What would go wrong in silence is said aloud."""

import copy
import threading

import pytest
import torch
from torch import Tensor, nn
from torch.utils.checkpoint import checkpoint

from rat_modules import retrofit
from rat_modules.errors import RetrofitError, ShapeError

from .networks import Branch, Decoder, Reused, Widths, awaken

Z, S = torch.randn(3, 6), torch.randn(3, 5)


def made(model: nn.Module | None = None, inputs: object = None, **more):
    r = retrofit((model or Decoder()).eval(), cond_dim=5, hidden_dim=8, example_inputs=inputs, **more)
    awaken(r)
    return r


def test_no_condition() -> None:
    r = made()
    with pytest.raises(
        RetrofitError, match=r"no condition is set for site 'norm1'; run the network inside `with r.cond"
    ):
        r.base(Z)
    r(Z, sentence=S)
    with pytest.raises(RetrofitError, match="no condition is set"):
        r(Z)


@pytest.mark.parametrize(
    ("sentence", "got"),
    [("a red bird", "str"), (None, "NoneType"), ([1.0], "list"), (torch.ones(2, 16, dtype=torch.long), "torch.int64")],
)
def test_a_sentence_that_is_none(sentence: object, got: str) -> None:
    r = retrofit(nn.Sequential(nn.Linear(4, 8), nn.LayerNorm(8)), cond_dim=16)
    with pytest.raises(RetrofitError, match=f"sentence: got {got}, expected a floating-point tensor 'n s'"):
        r.condition(sentence).__enter__()


def test_the_outer_condition_comes_back() -> None:
    r = made()
    expected = r(Z, sentence=S)
    with r.condition(S):
        r(Z, sentence=S.flip(0))
        assert torch.equal(r(Z), expected)


@pytest.mark.parametrize("rows", [1, 2, 6])
def test_another_batch(rows: int) -> None:
    with pytest.raises(RetrofitError, match=f"batch of site 'norm1': got 3 rows .* expected {rows}, one for each"):
        made()(Z, sentence=torch.randn(rows, 5))


def test_noise_that_is_missing_or_not_taken() -> None:
    with pytest.raises(RetrofitError, match="condition: got noise, expected none"):
        made()(Z, sentence=S, controller_noise=S)
    r = retrofit(Decoder().eval(), cond_dim=5, noise_dim=4)
    with pytest.raises(RetrofitError, match="condition: got no noise, expected noise 'n 4'"):
        r(Z, sentence=S)
    with pytest.raises(ShapeError, match="condition: got"):
        made()(Z, sentence=torch.randn(3, 6))
    with pytest.raises(RetrofitError, match="controller_noise without a sentence"):
        made()(Z, controller_noise=S)


def test_a_site_that_is_never_called() -> None:
    r = made(Branch())
    with pytest.raises(RetrofitError, match="never reached: got unused"):
        r(torch.randn(3, 4), sentence=S)
    with pytest.raises(RetrofitError, match=r"while .* open, sites never reached: got norm, unused"), r.condition(S):
        pass
    with pytest.raises(ZeroDivisionError), r.condition(S):
        1 / 0  # noqa: B018  # an error of the user's own is not covered up


class TupleNorm(nn.Module):
    def forward(self, x: Tensor) -> tuple[Tensor, Tensor]:
        return x, x


class Counts(nn.Module):
    def forward(self, x: Tensor) -> Tensor:
        return x.argmax(1, keepdim=True).expand(-1, 4)


@pytest.mark.parametrize(
    ("module", "words"), [(TupleNorm(), "'0' gives no tensor: got tuple"), (Counts(), "got torch.int64")]
)
def test_outputs_that_are_no_features(module: nn.Module, words: str) -> None:
    r = retrofit(nn.Sequential(module), cond_dim=5, targets="0", channels=4)
    with pytest.raises(RetrofitError, match=words):
        r(torch.randn(3, 4), sentence=S)


def test_a_module_used_with_other_widths() -> None:
    r = made(Widths(), channels=4)
    with pytest.raises(RetrofitError, match=r"output of site 'norm': got .3, 8., expected 4 channels in dimension 1"):
        r(torch.randn(3, 4), sentence=S)


def scripted() -> nn.Module:
    return torch.jit.script(nn.Sequential(nn.BatchNorm1d(4)))


def compiled_inside() -> nn.Module:
    model = Decoder()
    model.norm1.compile()
    return model


BASES = [
    (lambda: torch.compile(Decoder()), "the network is compiled; retrofit the eager network first"),
    (compiled_inside, "module 'norm1' is compiled"),
    (lambda: nn.Sequential(torch.compile(nn.BatchNorm1d(4))), "module '0' is compiled"),
    (scripted, "is TorchScript, in which hooks do not run"),
    (lambda: torch.jit.trace(nn.Sequential(nn.BatchNorm1d(4)).eval(), torch.ones(2, 4)), "is TorchScript"),
    (lambda: nn.Sequential(nn.LazyConv2d(4, 1), nn.BatchNorm2d(4)), "module '0' is lazy, and has no shape yet; run"),
    (lambda: nn.Sequential(nn.Conv2d(3, 4, 1), nn.LazyBatchNorm2d()), "module '1' is lazy"),
    (lambda: nn.DataParallel(Decoder()), "is a DataParallel; retrofit the network inside it .*spread r by Distrib"),
    (lambda: made().base, "module 'norm2' is retrofitted already; r.unretrofit"),
    (lambda: made(), "is retrofitted already"),
    (lambda: torch.relu, "model: got builtin_function_or_method, expected a torch.nn.Module"),
]


@pytest.mark.filterwarnings("ignore::DeprecationWarning")
@pytest.mark.parametrize(("base", "words"), BASES)
def test_networks_in_which_hooks_would_not_run(base, words: str) -> None:
    with pytest.raises(RetrofitError, match=words):
        retrofit(base(), cond_dim=5)


def test_another_thread() -> None:
    r, said = made(), []

    def elsewhere() -> None:
        try:
            r.base(Z)
        except RetrofitError as error:
            said.append(str(error))

    with r.condition(S):
        r.base(Z)
        thread = threading.Thread(target=elsewhere)
        thread.start()
        thread.join()
    assert len(said) == 1 and "was set in another thread; one copy.deepcopy of r for each thread" in said[0]


def test_a_sentence_on_another_device() -> None:
    with pytest.raises(RetrofitError, match="device of the sentence: got meta, expected cpu, where the controller is"):
        made()(Z, sentence=S.to("meta"))
    r = retrofit(Decoder().eval(), cond_dim=5, noise_dim=4)
    with pytest.raises(RetrofitError, match="device of the noise: got meta"):
        r(Z, sentence=S, controller_noise=torch.zeros(3, 4, device="meta"))


def test_conditions_that_are_closed_in_another_order() -> None:
    r = made()

    def drawing(sentence: Tensor):
        with r.condition(sentence):
            for _ in range(2):
                yield r.base(Z)

    first, second = drawing(S), drawing(S.flip(0))
    next(first), next(second)
    with pytest.raises(RetrofitError, match=r"closed before one that was opened after it.*deepcopy of r for each gen"):
        list(first)
    twin = copy.deepcopy(r)
    expected = r(Z, sentence=S)
    with r.condition(S), twin.condition(S.flip(0)):
        assert torch.equal(r.base(Z), expected) and not torch.equal(twin.base(Z), expected)


def test_norms_that_are_replaced_afterwards() -> None:
    r = made()
    nn.SyncBatchNorm.convert_sync_batchnorm(r.base)
    with pytest.raises(RetrofitError, match="never reached: got norm1"):
        r(Z, sentence=S)


class Clash(Decoder):
    def forward(self, z: Tensor, sentence: Tensor | None = None) -> Tensor:
        return super().forward(z if sentence is None else z + sentence)


def test_a_keyword_that_the_network_has_itself() -> None:
    r = made(Clash())
    with pytest.raises(RetrofitError, match="the network has its own sentence; run the network inside"):
        r(Z, sentence=S)
    with r.condition(S):
        assert r.base(Z, sentence=Z).shape == (3, 3, 6, 6)


class Checkpointed(nn.Module):
    def __init__(self, reentrant: bool) -> None:
        super().__init__()
        self.inner, self.reentrant = Decoder(), reentrant

    def forward(self, z: Tensor) -> Tensor:
        return checkpoint(self.inner, z, use_reentrant=self.reentrant)


def test_checkpoints_give_the_same_gradients() -> None:
    found = []
    for model in (Decoder(), Checkpointed(False)):
        inner = getattr(model, "inner", model)
        torch.manual_seed(1)
        for parameter in inner.parameters():
            nn.init.normal_(parameter, std=0.1)
        r = retrofit(model.eval(), cond_dim=5, hidden_dim=8)
        torch.manual_seed(2)
        for _, parameter in r.adapter_named_parameters():
            nn.init.normal_(parameter, std=0.1)
        with r.condition(S):
            r.base(Z).square().mean().backward()
        found.append([parameter.grad for _, parameter in r.adapter_named_parameters()])
    for plain, recomputed in zip(*found, strict=True):
        assert plain.abs().sum() > 0
        torch.testing.assert_close(plain, recomputed)


def test_computing_again_after_the_condition_closed() -> None:
    r = made(Checkpointed(False))
    picture = r(Z, sentence=S)
    with pytest.raises(RetrofitError, match="computed again in the backward pass, after its condition was closed"):
        picture.sum().backward()


@pytest.mark.filterwarnings("ignore:None of the inputs have requires_grad")
@pytest.mark.parametrize("inputs_learn", [False, True])
def test_reentrant_checkpoints(inputs_learn: bool) -> None:
    r = made(Checkpointed(True))
    with pytest.raises(RetrofitError, match=r"reentrant checkpoint, in which its gradients would be lost; .*=False"):
        r(Z.clone().requires_grad_(inputs_learn), sentence=S)
    with torch.no_grad():
        assert r(Z, sentence=S).shape == (3, 3, 6, 6)  # there is nothing to lose


class CheckpointedReuse(Reused):
    def forward(self, x: Tensor) -> Tensor:
        for _ in range(3):
            x = x + checkpoint(lambda x: self.norm(self.linear(x)).tanh(), x, use_reentrant=False)
        return x


def test_calls_that_are_counted_and_computed_again() -> None:
    r = made(CheckpointedReuse(), Z, on_reuse="per_call")
    with r.condition(S), pytest.raises(RetrofitError, match="backward pass, which loses count of its calls"):
        r.base(Z).sum().backward()
