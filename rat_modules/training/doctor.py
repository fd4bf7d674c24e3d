"""What goes wrong in the training of a GAN, told in plain words while it happens."""

import math
from collections import deque
from collections.abc import Mapping
from typing import Any

import torch
from torch import Tensor

from rat_modules.assembly import Assembly
from rat_modules.training.batch import Batch

LOOK_EVERY = 100  # iterations between two looks at the weights
PATIENCE = 500  # iterations in which gates and attention may still be as they were
REMEMBERED = 20  # rows over which losses are judged
WEAKEST_HINGE = 0.05
SMALLEST_GATE = 1e-3
EVEN = 0.995  # of the entropy of a uniform attention
LARGEST_PENALTY = 0.9
LONGEST_WAIT = 0.3


class Doctor:
    """Judges rows of metrics; a note stands as long as its reason does.

    Example:
        >>> doctor = Doctor()
        >>> doctor.judge({"step": 10, "wait_share": 0.5})["waiting"]
        '50 % of the time goes into waiting for pictures: raise --workers, or store them at the size that is trained'
    """

    def __init__(self) -> None:
        self._hinges: deque[float] = deque(maxlen=REMEMBERED)
        self._penalties: deque[float] = deque(maxlen=REMEMBERED)

    def judge(self, row: Mapping[str, Any]) -> dict[str, str]:
        """Say what is wrong, if anything, by a word for each reason.

        Args:
            row: a line of metrics.jsonl; what it lacks is not judged.
        """
        notes = {
            "hinge": self._hinge(row),
            "penalty": self._penalty(row),
            "waiting": _waiting(row),
            "gates": _gates(row),
            "attention": _attention(row),
            "skipped": _skipped(row),
        }
        return {reason: note for reason, note in notes.items() if note}

    def _hinge(self, row: Mapping[str, Any]) -> str | None:
        mean = _mean(self._hinges, row.get("discriminator"))
        if mean is None or mean >= WEAKEST_HINGE:
            return None
        return (
            f"the discriminator wins: its hinge loss is {mean:.2g} on average, and the generator learns little from "
            "it; try a lower training.lr_discriminator, or training.augment where pictures are few"
        )

    def _penalty(self, row: Mapping[str, Any]) -> str | None:
        mean = _mean(self._penalties, row.get("penalty_share"))
        if mean is None or mean <= LARGEST_PENALTY:
            return None
        return (
            f"the penalty is {100 * mean:.0f} % of what the discriminator minimises; try a lower "
            "training.lr_discriminator or loss.penalty_weight"
        )


def vital_signs(assembly: Assembly, batch: Batch) -> dict[str, float]:
    """The largest gate of each network, and how evenly the attention looks, as a share of uniform entropy.

    Args:
        assembly: networks in training.
        batch: real pictures and their sentences; a few of them are looked at.

    Returns:
        `generator_gate`, `discriminator_gate` and `attention_entropy`, as far as the networks have them.
    """
    found = {}
    for name in ("generator", "discriminator"):
        parts = (getattr(module, "gate", None) for module in getattr(assembly, name).modules())
        gates = [gate.detach().abs().max() for gate in parts if isinstance(gate, Tensor)]
        if gates:
            found[f"{name}_gate"] = float(torch.stack(gates).max())
    with torch.no_grad():
        attention = getattr(assembly.discriminator(batch.images[:8], batch.sentence[:8]), "attention", None)
    if attention is not None:
        weights = attention.flatten(1).double()
        weights = weights / weights.sum(1, keepdim=True)
        entropy = torch.special.entr(weights).sum(1).mean() / math.log(weights.shape[1])
        found["attention_entropy"] = float(entropy)
    return {name: float(f"{value:.4g}") for name, value in found.items()}


def _mean(values: deque[float], newest: float | None) -> float | None:
    """Of a full memory; None before."""
    if newest is not None:
        values.append(newest)
    return sum(values) / len(values) if len(values) == values.maxlen else None


def _waiting(row: Mapping[str, Any]) -> str | None:
    share = row.get("wait_share") or 0.0
    if share <= LONGEST_WAIT:
        return None
    return (
        f"{100 * share:.0f} % of the time goes into waiting for pictures: raise --workers, or store them at the size "
        "that is trained"
    )


def _gates(row: Mapping[str, Any]) -> str | None:
    for name in ("generator", "discriminator"):
        largest = row.get(f"{name}_gate")
        if largest is not None and row["step"] >= PATIENCE and largest < SMALLEST_GATE:
            return (
                f"the gates of the {name} stay shut (the widest at {largest:.1g}): its blocks are their shortcuts"
                f"{' and show no text' * (name == 'generator')}; try {name}.gate_init = 1"
            )
    return None


def _attention(row: Mapping[str, Any]) -> str | None:
    entropy = row.get("attention_entropy")
    if entropy is None or row["step"] < PATIENCE or entropy < EVEN:
        return None
    return f"the attention looks everywhere alike ({100 * entropy:.1f} % of uniform entropy): it says nothing yet"


def _skipped(row: Mapping[str, Any]) -> str | None:
    count = row.get("skipped") or 0
    if not count:
        return None
    return f"{count:g} steps were left out, because a gradient was not finite; their batches are in troubles/"
