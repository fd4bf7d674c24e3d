"""Everything that a matching run must remember between two iterations, and its checkpoint."""

import json
from pathlib import Path

import attrs
import torch
from torch import Tensor, nn
from torch.optim import Adam

from rat_modules.assembly import Assembly
from rat_modules.atomic import atomic_write
from rat_modules.checkpoints.files import load_weights, prefixed, read_safetensors, split_prefix, write_safetensors
from rat_modules.errors import CheckpointError, TrainingError
from rat_modules.losses.contrastive import ContrastiveLoss
from rat_modules.losses.damsm import DAMSMLoss
from rat_modules.matching.files import NAME, load_matcher, save_matcher
from rat_modules.matching.matcher import Matcher
from rat_modules.matching.settings import MatchingSettings
from rat_modules.training.resume import read_plain
from rat_modules.training.state import all_finite, load_optimizer, optimizer_tensors

FORMAT = "rat_modules/matching-run/1"
BETAS = (0.9, 0.98)
PUBLISHED = ("text_encoder.safetensors", NAME)  # files of a checkpoint that the run folder itself shows


@attrs.define(eq=False)
class MatchingState:
    """Both encoders, the loss and their optimizer after `step` iterations."""

    matcher: Matcher
    loss: nn.Module
    optimizer: Adam
    settings: MatchingSettings
    seed: int
    step: int = 0

    @classmethod
    def start(cls, matcher: Matcher, settings: MatchingSettings, *, seed: int, device: torch.device) -> "MatchingState":
        """Move a matcher to the device, and give it a loss and an optimizer.

        Raises:
            TrainingError: the loss needs words and the text encoder has none.
        """
        if settings.loss == "damsm" and matcher.projected:
            raise TrainingError(
                "--loss damsm",
                got=f"text encoder {settings.encoder!r}, which has no words to train, only sentences",
                expected="one that has, such as damsm",
                hint="take --loss contrastive",
            )
        matcher.to(device).train()
        loss: nn.Module = DAMSMLoss(reduction="mean") if settings.loss == "damsm" else ContrastiveLoss()
        weights = [each for each in (*matcher.parameters(), *loss.to(device).parameters()) if each.requires_grad]
        optimizer = Adam(weights, lr=settings.learning_rate, betas=BETAS, fused=device.type in ("cpu", "cuda"))
        return cls(matcher, loss, optimizer, settings, seed)

    @property
    def device(self) -> torch.device:
        """Where both encoders are trained."""
        return self.matcher.image_encoder.whole.weight.device

    def write(self, folder: Path) -> None:
        """Fill an empty folder with a checkpoint, whose text encoder `rat-modules train --text-encoder` takes.

        Raises:
            TrainingError: a weight is not finite any more.
            OSError: the disk is full or the folder cannot be written.
        """
        if not all_finite(self.matcher):
            raise TrainingError(
                f"weights of the matcher after step {self.step}",
                got="numbers that are not finite",
                hint="this checkpoint is not written; start anew with a lower --learning-rate",
            )
        Assembly(None, None, self.matcher.text_encoder, None, self.matcher.recipe).save(folder)
        save_matcher(folder / NAME, self.matcher, {**self.settings.plain(), "step": self.step, "seed": self.seed})
        tensors = prefixed("optimizer.", optimizer_tensors(self.optimizer))
        tensors |= prefixed("loss.", self.loss.state_dict()) | {"random.cpu": torch.get_rng_state()}
        if (place := self.device).type == "cuda":
            tensors["random.cuda"] = torch.cuda.get_rng_state(place)
        write_safetensors(folder / "training.safetensors", tensors)
        plain = {"format": FORMAT, "step": self.step, "seed": self.seed, "settings": self.settings.plain()}
        with atomic_write(folder / "state.json") as temporary:
            temporary.write_text(json.dumps(plain), encoding="utf-8")


def read_state(folder: Path, *, device: torch.device) -> MatchingState:
    """Rebuild the run that `MatchingState.write` wrote.

    Raises:
        CheckpointError: a file is missing, truncated, or does not fit.
    """
    plain = read_plain(folder, FORMAT)
    matcher = load_matcher(folder)
    state = MatchingState.start(matcher, MatchingSettings.from_plain(plain["settings"]), seed=0, device=device)
    tensors, _ = read_safetensors(folder / "training.safetensors")
    moments, rest = split_prefix("optimizer.", tensors)
    load_optimizer(state.optimizer, moments, f"optimizer in {folder}")
    own, rest = split_prefix("loss.", rest)
    load_weights(state.loss, own, f"loss in {folder}")
    try:
        state.step, state.seed = int(plain["step"]), int(plain["seed"])
        _restore_chance(rest, state.device)
    except (KeyError, TypeError, ValueError, RuntimeError, OverflowError) as error:
        raise CheckpointError(
            f"step, seed and random state in {folder}",
            got=f"{type(error).__name__} {error}",
            expected="those of a checkpoint",
        ) from error
    return state


def _restore_chance(tensors: dict[str, Tensor], device: torch.device) -> None:
    torch.set_rng_state(tensors["random.cpu"])
    if device.type == "cuda" and "random.cuda" in tensors:  # several processes draw the same, each on its own device
        torch.cuda.set_rng_state(tensors["random.cuda"], device)
