"""Everything that a run must remember between two iterations, and its form as plain tensors and plain values."""

import random
from typing import Any

import attrs
import numpy as np
import torch
from torch import Tensor, nn
from torch.optim import Optimizer

from rat_modules.assembly import Assembly
from rat_modules.checkpoints.files import load_weights, prefixed, split_prefix
from rat_modules.errors import CheckpointError
from rat_modules.training.descent import Optimizers, make_optimizers
from rat_modules.training.ema import Average

_MOMENTS = ("exp_avg", "exp_avg_sq")


@attrs.define(eq=False)
class TrainingState:
    """Networks, optimizers and average after `step` iterations.

    Args:
        assembly: the networks in training, on their device.
        optimizers: of both networks.
        average: of the generator.
        seed: of the whole run.
        step: iterations done.
    """

    assembly: Assembly
    optimizers: Optimizers
    average: Average
    seed: int
    step: int = 0

    @classmethod
    def start(cls, assembly: Assembly, *, seed: int, device: torch.device | str = "cpu") -> "TrainingState":
        """Move the networks of a fresh assembly to the device, and give them optimizers and an average."""
        for network in (assembly.generator, assembly.discriminator):
            network.to(device).train()
            for weight in network.parameters():
                if weight.ndim == 4:  # as the features lie: a convolution would turn them round at every call
                    weight.data = weight.data.contiguous(memory_format=torch.channels_last)
        training = assembly.recipe.training
        average = Average(assembly.generator, training.ema_decay)
        return cls(assembly, make_optimizers(assembly, training), average, seed)

    def averaged(self) -> Assembly:
        """The assembly that is saved and sampled: the average in the generator's place."""
        return attrs.evolve(self.assembly, generator=self.average.module)

    def tensors(self) -> dict[str, Tensor]:
        """What the averaged assembly's own files do not hold: live generator, optimizers, torch's random state."""
        tensors = prefixed("generator.", self.assembly.generator.state_dict())
        for name, optimizer in self.optimizers._asdict().items():
            tensors |= prefixed(f"optimizer.{name}.", optimizer_tensors(optimizer))
        tensors["random.cpu"] = torch.get_rng_state()
        if torch.cuda.is_available() and torch.cuda.is_initialized():
            tensors |= {f"random.cuda.{k}": state for k, state in enumerate(torch.cuda.get_rng_state_all())}
        return tensors

    def plain(self) -> dict[str, Any]:
        """Step, seed, and the random states of Python and NumPy, as JSON can hold them."""
        kind, keys, *rest = np.random.get_state()
        numpy = [kind, np.asarray(keys).tolist(), *rest]
        return {"step": self.step, "seed": self.seed, "random": {"python": random.getstate(), "numpy": numpy}}

    def restore(self, tensors: dict[str, Tensor], plain: dict[str, Any], source: str) -> None:
        """Take over what `tensors` and `plain` gave; the average must already hold its own weights.

        Raises:
            CheckpointError: something is missing or does not fit.
        """
        live, rest = split_prefix("generator.", tensors)
        load_weights(self.assembly.generator, live, source)
        for name, optimizer in self.optimizers._asdict().items():
            own, rest = split_prefix(f"optimizer.{name}.", rest)
            load_optimizer(optimizer, own, f"{name} optimizer in {source}")
        try:
            self.step, self.seed = int(plain["step"]), int(plain["seed"])
            if not (0 <= self.step < 2**63 and 0 <= self.seed < 2**63):
                raise ValueError("beyond what a run counts")
            version, internal, gauss = plain["random"]["python"]
            random.setstate((version, tuple(internal), gauss))
            kind, keys, *others = plain["random"]["numpy"]
            np.random.set_state((kind, np.array(keys, dtype=np.uint32), *others))
            torch.set_rng_state(rest["random.cpu"])
            cuda, _ = split_prefix("random.cuda.", rest)
            names = [str(k) for k in range(torch.cuda.device_count())] if torch.cuda.is_available() else []
            if names and cuda.keys() == set(names):
                torch.cuda.set_rng_state_all([cuda[name] for name in names])
        except (KeyError, TypeError, ValueError, RuntimeError, OverflowError, IndexError) as error:
            raise CheckpointError(
                f"step, seed and random states in {source}",
                got=f"{type(error).__name__} {error}",
                expected="those of a checkpoint",
                hint="it is damaged: remove that folder of checkpoints/, and an earlier one is taken",
            ) from error


def all_finite(module: nn.Module) -> bool:
    """Say whether every weight is a number."""
    return bool(torch.stack([weight.isfinite().all() for weight in module.state_dict().values()]).all())


def optimizer_tensors(optimizer: Optimizer) -> dict[str, Tensor]:
    """Moments and step counts of an optimizer by the number of their weight."""
    state = optimizer.state_dict()["state"]
    return {f"{index}.{key}": value for index, entries in state.items() for key, value in entries.items()}


def load_optimizer(optimizer: Optimizer, tensors: dict[str, Tensor], source: str) -> None:
    """Take over what `optimizer_tensors` gave.

    Raises:
        CheckpointError: it is of an optimizer of other weights.
    """
    state: dict[int, dict[str, Tensor]] = {}
    weights = [weight for group in optimizer.param_groups for weight in group["params"]]
    try:
        for name, tensor in tensors.items():
            index, _, key = name.partition(".")
            # a fused step reads the memory of weights and moments side by side
            like = weights[int(index)] if key in _MOMENTS else tensor
            fitted = torch.empty_like(like).copy_(tensor) if like.shape == tensor.shape else tensor
            state.setdefault(int(index), {})[key] = fitted
        fits = not state or (
            sorted(state) == list(range(len(weights)))
            and all(state[k][key].shape == weight.shape for k, weight in enumerate(weights) for key in _MOMENTS)
            and all("step" in entries for entries in state.values())
        )
    except (KeyError, ValueError, IndexError):  # names that this optimizer does not know
        fits = False
    if not fits:
        raise CheckpointError(f"{source} does not fit the network", hint="is its recipe the one it was trained with?")
    optimizer.load_state_dict({"state": state, "param_groups": optimizer.state_dict()["param_groups"]})
