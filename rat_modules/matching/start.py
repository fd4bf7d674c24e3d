"""Begin a matching run or take one up again: everything that is decided before the first iteration."""

import inspect
import sys
from pathlib import Path

import torch

from rat_modules.costs import cost_of
from rat_modules.errors import RatError, TrainingError
from rat_modules.matching.files import make_matcher
from rat_modules.matching.matcher import Matcher
from rat_modules.matching.settings import MatchingSettings, check_same_settings
from rat_modules.matching.state import MatchingState, read_state
from rat_modules.recipes import Component, Recipe
from rat_modules.recipes.loader import check
from rat_modules.recipes.structure import destructure
from rat_modules.registry import get_catalog
from rat_modules.text.learned_vocabulary import vocabulary_of
from rat_modules.training.capacity import refuse_beyond
from rat_modules.training.captioned import CaptionedPictures
from rat_modules.training.folder import RunFolder

FEATURE_DIM = 256  # of pictures and of captions; as published, and as wide as the sentences of damsm


def recipe_of(settings: MatchingSettings) -> Recipe:
    """The recipe that names the text encoder, as a model folder wants it.

    Raises:
        RecipeError: nobody registered a text encoder of this name.
    """
    summary = f"a text encoder trained by train-text, loss {settings.loss}"
    return check(destructure(Recipe("train-text", summary, text_encoder=Component(settings.encoder))))


def begin(
    settings: MatchingSettings, captioned: CaptionedPictures, *, seed: int, device: torch.device
) -> MatchingState:
    """Build both encoders with weights drawn from the seed.

    Raises:
        RecipeError: the text encoder cannot be built.
        TrainingError: the text encoder cannot be trained by this loss.
    """
    torch.manual_seed(seed)
    recipe = recipe_of(settings)
    target = get_catalog().get("text_encoders", settings.encoder).resolve()
    own_words = "vocabulary" in inspect.signature(target).parameters
    vocabulary = vocabulary_of(captioned.texts, settings.vocabulary).to_plain() if own_words else None
    image = {"image_size": settings.image_size, "width": settings.width, "feature_dim": FEATURE_DIM}
    return MatchingState.start(make_matcher(recipe, image, vocabulary=vocabulary), settings, seed=seed, device=device)


def refuse_too_large(matcher: Matcher, batch_size: int, device: torch.device, processes: int = 1) -> None:
    """Refuse pairs that could not even fit into an empty machine; on a CPU it would be killed without a word.

    Counted: the image encoder's graph of the pictures of one process, and its scores against all captions, which
    autograd keeps three times or more.

    Raises:
        TrainingError: an iteration takes more memory than the device has.
    """
    size, own = matcher.image_encoder.image_size, batch_size // processes
    picture = cost_of(matcher.image_encoder, (3, size, size)).saved_bytes
    needed = own * picture + 3 * 4 * own * batch_size
    refuse_beyond(device, own, needed, "a smaller --batch, --width or --size")


def take_up(folder: RunFolder, settings: MatchingSettings, *, device: torch.device) -> MatchingState | None:
    """Read the newest checkpoint that is whole; None where the run was stopped before its first.

    Raises:
        TrainingError: the settings changed since the run began.
        CheckpointError: there are checkpoints, and none can be read.
    """
    trouble: RatError | None = None
    for path in folder.steps():
        try:
            state = read_state(path, device=device)
        except RatError as error:
            trouble = trouble or error
            continue
        check_same_settings(state.settings, settings)
        state.settings = settings
        if trouble is not None:
            print(f"going on from {path.name}, because of a later one: {trouble}", file=sys.stderr)
        return state
    if trouble is not None:
        raise trouble
    return None


def check_steps(state: MatchingState, path: Path) -> None:
    """Refuse to train what is trained.

    Raises:
        TrainingError: there is nothing left to do.
    """
    if state.step >= state.settings.steps:
        raise TrainingError(f"{path} is trained", got=f"{state.step} steps", expected="more, by --steps")
