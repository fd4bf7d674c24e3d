"""One system with one seed: trained by `rat-modules train`, and taken up again where it was stopped."""

import json
import subprocess
import sys
from collections.abc import Iterable
from itertools import pairwise
from pathlib import Path
from statistics import median
from typing import Any, NamedTuple

from systems import System

from rat_modules.atomic import atomic_write
from rat_modules.errors import RatError
from rat_modules.evaluation.stamp import stamp
from rat_modules.recipes import load_recipe
from rat_modules.training.resume import check_unchanged


class Budget(NamedTuple):
    """What every system gets alike: data set, steps, models that are kept on the way, and changes of every recipe."""

    data: str
    steps: int
    looks: int
    overrides: tuple[str, ...]
    device: str

    @property
    def looked_at(self) -> list[int]:
        """The steps after which the model is kept and measured.

        Example:
            >>> Budget("shapes", 8, 4, (), "cpu").looked_at
            [2, 4, 6, 8]
        """
        every = self.steps // self.looks
        return [every * (k + 1) for k in range(self.looks)]


class Run(NamedTuple):
    """One system with one seed, and its folder."""

    system: System
    seed: int
    folder: Path

    @property
    def about(self) -> Path:
        """What it was trained with."""
        return self.folder.with_name(f"{self.folder.name}.json")

    def model(self, step: int) -> Path:
        """The folder of the averaged generator at a step."""
        return self.folder / "checkpoints" / f"step-{step:08d}"


def runs_of(systems: Iterable[System], seeds: Iterable[int], out: Path) -> list[Run]:
    """All runs, seed by seed: whoever stops early has as many of every system."""
    return [Run(system, seed, out / system.label / f"seed-{seed}") for seed in seeds for system in systems]


def train(run: Run, budget: Budget, commit: str) -> dict[str, Any]:
    """Train as far as the budget goes, where that is not done yet; return commit, versions and device.

    Raises:
        RatError: the training was refused or stopped (it said why), or the run there is one of another recipe.
    """
    if (run.folder / "recipe.toml").is_file():
        check_unchanged(load_recipe(run.folder), run.system.recipe(budget.overrides))
    if not trained(run, budget):
        changes = [word for change in (*run.system.overrides, *budget.overrides) for word in ("--set", change)]
        words = ["train", "--recipe", run.system.source, "--data", budget.data, "--out", str(run.folder), "--resume"]
        words += ["--steps", str(budget.steps), "--seed", str(run.seed), "--device", budget.device, *changes]
        words += ["--checkpoint-every", str(budget.looked_at[0]), "--keep", str(budget.looks + 1)]
        # what it says at its end goes where its progress goes: the output is the tables alone
        done = subprocess.run([sys.executable, "-m", "rat_modules", *words], stdout=sys.stderr, check=False)
        if done.returncode:
            problem = f"training of {run.system.label}, seed {run.seed}"
            raise RatError(problem, got=f"status {done.returncode}", hint="the same command goes on where it stopped")
    if not run.about.is_file():
        with atomic_write(run.about) as temporary:
            temporary.write_text(json.dumps({"commit": commit, **stamp(budget.device)}) + "\n", encoding="utf-8")
    about: dict[str, Any] = json.loads(run.about.read_text(encoding="utf-8"))
    return about


def trained(run: Run, budget: Budget) -> bool:
    """Say whether all is there that the budget asks for."""
    return all(run.model(step).is_dir() for step in budget.looked_at)


def cost(metrics: Path, steps: int) -> dict[str, float]:
    """Seconds of so many steps, and the median of one's: other work on the machine lengthens the sum more."""
    rows = [{"step": 0, "seconds": 0.0}, *map(json.loads, metrics.read_text(encoding="utf-8").splitlines())]
    rows = [row for k, row in enumerate(rows) if k == 1 or row["step"] <= steps]  # a line is written every ten steps
    each = [(b["seconds"] - a["seconds"]) / (b["step"] - a["step"]) for a, b in pairwise(rows)]
    return {"seconds": round(rows[-1]["seconds"], 1), "seconds_a_step": float(f"{median(each):.4g}")}
