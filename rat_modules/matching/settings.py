"""What a matching run was asked for: everything that must be the same when it is taken up again."""

from collections.abc import Mapping
from typing import Any, Literal, get_args

import attrs

from rat_modules.errors import TrainingError
from rat_modules.recipes.schema import Falling
from rat_modules.text.learned_vocabulary import Kind

Loss = Literal["damsm", "contrastive"]


@attrs.frozen
class MatchingSettings:
    """How a text and an image encoder are trained together.

    Args:
        encoder: registered name of the text encoder; a pretrained one comes behind a linear map, which is trained.
        loss: "damsm" (words and regions, sentence and picture) or "contrastive" (sentence and picture alone).
        vocabulary: how a text encoder with its own vocabulary gets it from the training captions; see `vocabulary_of`.
        image_size: edge of the pictures in pixels.
        width: channels of the image encoder at the full size.
        batch_size: pairs per step; each is a mismatch to all others but those of its own concept.
        steps: in all; a run may go on for more of them where the learning rate is constant.
        learning_rate: of Adam.
        lr_schedule: "constant"; "linear" or "cosine" fall to zero at the last step.
        warmup_steps: the first so many steps, in which the learning rate rises from zero.
        data_options: further keywords of the data set.
    """

    encoder: str = "damsm"
    loss: Loss = "contrastive"
    vocabulary: Kind = "words"
    image_size: int = 32
    width: int = 24
    batch_size: int = 64
    steps: int = 2000
    learning_rate: float = 1e-3
    lr_schedule: Falling = "constant"
    warmup_steps: int = 0
    data_options: dict[str, Any] = attrs.field(factory=dict)

    def __attrs_post_init__(self) -> None:
        for name, kind in (("loss", Loss), ("vocabulary", Kind), ("lr_schedule", Falling)):
            if getattr(self, name) not in get_args(kind):
                raise TrainingError(name, got=repr(getattr(self, name)), expected=" or ".join(get_args(kind)))
        if self.batch_size < 2 or not 0 < self.learning_rate < float("inf"):
            got = f"{self.batch_size} and {self.learning_rate}"
            raise TrainingError("batch_size and learning_rate", got=got, expected="2 or more, and above 0")
        if self.steps < 1 or self.warmup_steps < 0:
            got = f"{self.steps} and {self.warmup_steps}"
            raise TrainingError("steps and warmup_steps", got=got, expected="1 or more, and 0 or more")

    def plain(self) -> dict[str, Any]:
        """What JSON can hold."""
        return attrs.asdict(self)

    @classmethod
    def from_plain(cls, table: object) -> "MatchingSettings":
        """What `plain` gave.

        Raises:
            TrainingError: it is not that.
        """
        try:
            return cls(**table)  # type: ignore[arg-type]  # checked by the call itself
        except TypeError as error:
            raise TrainingError(
                "settings of the run", got=str(error), expected="those that `rat-modules train-text` wrote"
            ) from error


def check_same_settings(before: MatchingSettings, now: MatchingSettings) -> None:
    """Refuse to resume with other settings.

    Raises:
        TrainingError: it names what changed.
    """
    old, new = before.plain(), now.plain()
    free = {"steps"} if now.lr_schedule == "constant" else set()  # rates that fall to zero ask when that is
    changed = [f"{key} {new[key]!r} instead of {old[key]!r}" for key in new if key not in free and new[key] != old[key]]
    if changed:
        raise TrainingError(
            "the settings changed since the run began",
            got="; ".join(changed),
            hint="leave these options out, or choose another --out",
        )


def changed_by(settings: MatchingSettings, options: Mapping[str, Any]) -> MatchingSettings:
    """Settings with those options in their place that are not None."""
    return attrs.evolve(settings, **{name: value for name, value in options.items() if value is not None})
