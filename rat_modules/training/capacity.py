"""Is there memory for an iteration? Asked before anything is written."""

import os

import torch

from rat_modules.assembly import Assembly
from rat_modules.costs import discriminator_cost, generator_cost, training_bytes
from rat_modules.errors import TrainingError


def refuse_too_large(assembly: Assembly, device: torch.device, parts: int = 1) -> None:
    """Refuse what could not even fit into an empty machine; on a CPU it would be killed without a word.

    Args:
        assembly: whose recipe says the batch size; networks of others that say no sizes are let pass.
        device: where it is to be trained.
        parts: in how many parts a batch is computed, one after the other or by several processes.

    Raises:
        TrainingError: an iteration takes more memory than the device has.
    """
    networks = (assembly.generator, "noise_dim", "cond_dim"), (assembly.discriminator, "image_size", "cond_dim")
    if not all(hasattr(network, name) for network, *names in networks for name in names):
        return
    batch = assembly.recipe.training.batch_size // parts
    needed = training_bytes(generator_cost(assembly.generator), discriminator_cost(assembly.discriminator), batch)
    hint = "a smaller --batch, generator.width or generator.image_size, or training.accumulate"
    refuse_beyond(device, batch, needed, hint)


def refuse_beyond(device: torch.device, batch: int, needed: int, hint: str) -> None:
    """Refuse an iteration of `batch` pictures that needs more bytes than the device has in all.

    Raises:
        TrainingError: it does.
    """
    there = _memory(device)
    if there is not None and needed > there:
        raise TrainingError(
            f"an iteration of {batch:,} pictures",
            got=f"about {needed / 2**30:,.0f} GiB",
            expected=f"at most the {there / 2**30:,.0f} GiB of {device}",
            hint=hint,
        )


def _memory(device: torch.device) -> int | None:
    """All of a device's memory in bytes, whoever uses it; None where nobody says."""
    if device.type == "cuda":
        return int(torch.cuda.get_device_properties(device).total_memory)
    names = ("SC_PAGE_SIZE", "SC_PHYS_PAGES")
    if device.type != "cpu" or not all(name in getattr(os, "sysconf_names", {}) for name in names):
        return None
    return os.sysconf(names[0]) * os.sysconf(names[1])
