"""Spread over two processes by DistributedDataParallel, a retrofit learns what one process learns."""

import warnings
from pathlib import Path

import pytest
import torch
from torch import Tensor, distributed, nn
from torch.nn.parallel import DistributedDataParallel

from rat_modules import retrofit
from rat_modules.retrofitting import Retrofitted

from .networks import Decoder, awaken

LEARNING = {"rate": 0.1, "steps": 2, "batch": 4}


def made(freeze: bool) -> Retrofitted:
    torch.manual_seed(0)
    r = retrofit(Decoder().eval(), cond_dim=5, noise_dim=4, hidden_dim=8, freeze_base=freeze)
    awaken(r)
    return r


def batches() -> list[tuple[Tensor, Tensor, Tensor]]:
    generator = torch.Generator().manual_seed(1)
    return [
        tuple(torch.randn(LEARNING["batch"], width, generator=generator) for width in (6, 5, 4))
        for _ in range(LEARNING["steps"])
    ]


def learn(r: Retrofitted, model: nn.Module, rank: int, ranks: int) -> dict[str, Tensor]:
    """A few steps on every `ranks`-th example, from `rank` on; returns gradients and weights."""
    optimizer = torch.optim.SGD([each for each in r.parameters() if each.requires_grad], lr=LEARNING["rate"])
    for z, sentence, noise in batches():
        optimizer.zero_grad()
        picture = model(z[rank::ranks], sentence=sentence[rank::ranks], controller_noise=noise[rank::ranks])
        (picture - 0.5).square().mean().backward()
        optimizer.step()
    gradients = {f"gradient of {name}": each.grad for name, each in r.named_parameters() if each.grad is not None}
    return {**gradients, **{name: value.clone() for name, value in r.state_dict().items()}}


def one_of_two(rank: int, folder: Path, freeze: bool) -> None:
    torch.set_num_threads(1)
    distributed.init_process_group("gloo", init_method=f"file://{folder}/meeting", rank=rank, world_size=2)
    try:
        r = made(freeze)
        if rank:  # what the processes start from is made equal
            awaken(r, seed=7)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            learned = learn(r, DistributedDataParallel(r), rank, 2)
        torch.save(learned, folder / f"{rank}.pt")
    finally:
        distributed.destroy_process_group()


@pytest.mark.parametrize("freeze", [True, False])
def test_two_processes_learn_what_one_learns(tmp_path: Path, freeze: bool) -> None:
    torch.multiprocessing.spawn(one_of_two, (tmp_path, freeze), nprocs=2)
    one, two = (torch.load(tmp_path / f"{rank}.pt", weights_only=True) for rank in range(2))
    r = made(freeze)
    before = {name: value.clone() for name, value in r.state_dict().items()}
    alone = learn(r, r, 0, 1)
    assert one.keys() == two.keys() == alone.keys()
    gradients = [name for name in alone if name.startswith("gradient of ")]
    assert len(gradients) == len([each for each in r.parameters() if each.requires_grad])
    for name, value in alone.items():
        assert torch.equal(one[name], two[name]), f"the processes differ in {name}"
        torch.testing.assert_close(one[name], value, msg=lambda text, name=name: f"{name}: {text}")
    moved = {name for name, value in before.items() if not torch.equal(value, alone[name])} - {"base.runs"}
    assert moved and any(name.startswith("base.") for name in moved) != freeze
