"""What is measured: attributes and distance of a trained model, and what a system costs."""

from collections.abc import Sequence
from statistics import median
from time import process_time
from typing import Any

import torch
from runs import Run
from systems import System

from rat_modules import load
from rat_modules.costs import generator_cost, parameter_count
from rat_modules.evaluation.shapes_frechet import ShapesFrechet
from rat_modules.evaluation.shapes_report import shapes_report
from rat_modules.training.batch import Batch
from rat_modules.training.iteration import train_step
from rat_modules.training.start import begin
from rat_modules.training.state import TrainingState

ROUNDS = 12


def measure(run: Run, step: int, frechet: ShapesFrechet, samples: int, device: str) -> dict[str, Any]:
    """Attributes as `rat-modules evaluate` reads them, from so many samples of each kind, and Frechet distances."""
    assembly = load(run.model(step))
    assembly.generator.to(device)
    report = shapes_report(assembly, samples=samples, seed=frechet.seed)
    kept = {key: rounded(report[key]) for key in ("seen", "held-out")}
    kept["unrecognised"] = report["unrecognised"]
    return {"system": run.system.label, "seed": run.seed, "step": step, **kept, "frechet": rounded(frechet(assembly))}


def rounded(numbers: dict[str, float]) -> dict[str, float]:
    """Four digits: more than any of these numbers is good for."""
    return {key: float(f"{value:.4g}") for key, value in numbers.items()}


def costs(systems: Sequence[System], overrides: Sequence[str]) -> dict[str, dict[str, float]]:
    """Parameters and multiply-adds of each system, and the processor seconds of one training step on a CPU.

    The systems take turns and the median counts: what else the machine does meanwhile falls on all alike.
    """
    states = [begin(system.recipe(overrides), seed=0, device="cpu") for system in systems]
    batches = [_batch(state) for state in states]
    seconds: list[list[float]] = [[] for _ in systems]
    for number in range(ROUNDS + 2):
        for state, batch, found in zip(states, batches, seconds, strict=True):
            began = process_time()
            train_step(state.assembly, state.optimizers, batch, state.assembly.recipe.training)
            if number >= 2:  # the first calls pay for memory and for the choice of algorithms
                found.append(process_time() - began)
    return {
        system.label: {
            "generator_parameters": parameter_count(state.assembly.generator),
            "discriminator_parameters": parameter_count(state.assembly.discriminator),
            "generator_megaflops": round(generator_cost(state.assembly.generator).flops / 1e6, 1),
            "processor_seconds_a_step": float(f"{median(found):.3g}"),
        }
        for system, state, found in zip(systems, states, seconds, strict=True)
    }


def _batch(state: TrainingState) -> Batch:
    generator, count = state.assembly.generator, state.assembly.recipe.training.batch_size
    size = generator.image_size
    images = torch.rand(count, 3, size, size)
    return Batch(images, torch.randn(count, generator.cond_dim), torch.randn(count, generator.noise_dim))
