"""The run folder: what stands where, what may be written, and which checkpoints are kept."""

import json
import os
import re
import shutil
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from rat_modules.atomic import atomic_folder, atomic_write, leftovers
from rat_modules.errors import CheckpointError, TrainingError
from rat_modules.recipes import Recipe, recipe_toml
from rat_modules.regular import read_regular_text

PUBLISHED = ("generator.safetensors", "discriminator.safetensors")


class RunFolder:
    """Recipe, weights, `checkpoints/`, `metrics.jsonl`, `samples/`, `troubles/`, and in `run.json` what was asked for.

    Args:
        path: the folder; it need not exist yet.
        keep: how many checkpoints are kept, the newest ones.
        published: files of a checkpoint that the run folder itself shows, those of the newest one.
    """

    def __init__(self, path: str | Path, *, keep: int = 3, published: tuple[str, ...] = PUBLISHED) -> None:
        self.path, self.keep, self.published = Path(path), keep, published
        self.checkpoints = self.path / "checkpoints"
        self.metrics = self.path / "metrics.jsonl"
        self.samples = self.path / "samples"
        self.troubles = self.path / "troubles"
        self.recipe = self.path / "recipe.toml"
        self.about = self.path / "run.json"

    def steps(self) -> list[Path]:
        """Whole checkpoints, the newest first."""
        found = [path for path in self.checkpoints.glob("step-*") if re.fullmatch("step-[0-9]{1,18}", path.name)]
        return sorted(found, key=lambda path: int(path.name.removeprefix("step-")), reverse=True)

    def begin(self, recipe: Recipe, about: dict[str, Any]) -> None:
        """Make the folder, or clear what an interrupted process left half-written in it.

        Args:
            recipe: written to `recipe.toml`.
            about: data and seed, written to `run.json`.

        Raises:
            TrainingError: the folder cannot be written.
        """
        try:
            self.checkpoints.mkdir(parents=True, exist_ok=True)
            self._clear()
            # not first at a checkpoint, when everything since the last one would be lost
            with tempfile.TemporaryDirectory(dir=self.checkpoints, prefix=".step-"):
                pass
            for file, text in ((self.recipe, recipe_toml(recipe)), (self.about, json.dumps(about, indent=2))):
                with atomic_write(file) as temporary:
                    temporary.write_text(text, encoding="utf-8")
        except OSError as error:
            raise TrainingError(
                "run folder",
                got=f"{error.filename or self.path} ({error.strerror})",
                expected="a folder that can be written",
            ) from error

    @contextmanager
    def watched(self) -> Iterator[None]:
        """Say in one line why a run cannot go on in this folder, and from where it can be taken up.

        Raises:
            TrainingError: a file could not be written or read.
        """
        try:
            yield
        except OSError as error:
            # the file is not named where it was open already, as metrics.jsonl is
            got = ": ".join(str(part) for part in (error.filename, error.strerror or error) if part)
            raise TrainingError(f"run in {self.path} ended", got=got, hint=self._how_to_go_on()) from error

    def read_about(self) -> dict[str, Any] | None:
        """What `begin` was given: data, seed and fingerprint at least; None where no run began here.

        Raises:
            CheckpointError: there are checkpoints but no readable `run.json`.
        """
        try:
            about = json.loads(read_regular_text(self.about, 2**24))
            told = {"data": str(about["data"]), "seed": int(about["seed"]), "fingerprint": dict(about["fingerprint"])}
            return {**about, **told}
        except (OSError, ValueError, KeyError, TypeError, RecursionError, OverflowError) as error:
            if self.steps():
                deep = "nested too deeply" if isinstance(error, RecursionError) else "damaged"
                why = error.strerror if isinstance(error, OSError) else deep
                hint = "bring it back from a copy, or begin a new run with --from a checkpoint's folder"
                raise CheckpointError(
                    "run folder", got=f"no readable {self.about} ({why})", expected="what `train` wrote", hint=hint
                ) from error
            return None

    def check_nothing_to_lose(self, *, began: bool) -> None:
        """Refuse to start in a folder that has no checkpoint but holds what a start would write over.

        Args:
            began: a `run.json` says that a run began here; else only what `begin` itself leaves when it is killed is
                allowed.

        Raises:
            TrainingError: it names what stands there.
        """
        own = {file.name for target in (self.recipe, self.about) for file in leftovers(target)}
        if self.checkpoints.is_dir():  # `begin` makes it first
            strange = [path for path in self.checkpoints.iterdir() if not path.name.startswith(".step-")]
            own |= {self.recipe.name} | (set() if strange else {self.checkpoints.name})
        found = sorted(path.name for path in self.path.iterdir()) if self.path.is_dir() else []
        lost = [name for name in found if (name in self.published if began else name not in own)]
        if lost:
            raise TrainingError(
                f"{self.path} holds no checkpoint to resume",
                got=", ".join(lost[:3]) + (f" and {len(lost) - 3} more" if len(lost) > 3 else ""),
                expected="a run folder, or a new or empty folder",
                hint="choose another --out, so that nothing is written over",
            )

    def _clear(self) -> None:
        for left in self.checkpoints.glob(".step-*"):
            shutil.rmtree(left)
        names = (*self.published, self.recipe.name, self.about.name, self.metrics.name)
        targets = [self.path / name for name in names]
        # a half-written sample's own name is in the name of what is left of it
        for left in self.samples.glob(".step-*.png.*.png"):
            targets.append(left.with_name(left.name[1:].partition(".png.")[0] + ".png"))
        for target in targets:
            for left in leftovers(target):
                left.unlink()

    def add(self, step: int, write: Callable[[Path], None]) -> Path:
        """Add a checkpoint that appears whole or not at all, publish its weights, drop the oldest.

        Args:
            step: iterations done.
            write: fills an empty folder.

        Returns:
            The checkpoint's folder.

        Raises:
            TrainingError: it could not be written; earlier checkpoints are untouched.
        """
        target = self.checkpoints / f"step-{step:08d}"
        try:
            with atomic_folder(target, replace=True) as temporary:
                write(temporary)
            self.publish(target)
        except OSError as error:
            problem = f"checkpoint at step {step} could not be written"
            raise TrainingError(problem, got=error.strerror or str(error), hint=self._how_to_go_on()) from error
        for old in self.steps()[self.keep :]:
            # under another name first: a run that dies here must not find half a checkpoint under the good one
            doomed = old.with_name(f".{old.name}.old")
            old.rename(doomed)
            shutil.rmtree(doomed)
        return target

    def _how_to_go_on(self) -> str:
        last = next(iter(self.steps()), None)
        if last is None:
            return "there is no checkpoint yet: when that is mended, --resume starts from the beginning"
        return f"the last good one is {last}: when that is mended, go on with --resume"

    def publish(self, checkpoint: Path) -> None:
        """Give the run folder the weights of a checkpoint."""
        for name in self.published:
            with atomic_write(self.path / name) as temporary:
                temporary.unlink()
                try:
                    os.link(checkpoint / name, temporary)
                except OSError:  # a file system without hard links
                    shutil.copyfile(checkpoint / name, temporary)

    def cut_metrics(self, step: int) -> None:
        """Drop the lines of iterations after `step`, and half a line at the end."""
        if not self.metrics.is_file():
            return
        kept = [line for line in read_metrics(self.metrics).splitlines() if _step_of(line) <= step]
        with atomic_write(self.metrics) as temporary:
            temporary.write_text("".join(line + "\n" for line in kept), encoding="utf-8")


def read_metrics(metrics: Path) -> str:
    """The text of `metrics.jsonl`.

    Raises:
        TrainingError: it cannot be read, or is no text.
    """
    try:
        return read_regular_text(metrics, 2**30)
    except (OSError, UnicodeDecodeError) as error:
        got = f"{metrics} ({error.strerror if isinstance(error, OSError) else error.reason})"
        raise TrainingError("metrics", got=got, expected="the lines that `train` wrote") from error


def _step_of(line: str) -> float:
    try:
        found: Any = json.loads(line)["step"]
    except (ValueError, KeyError, TypeError, RecursionError):
        return float("inf")
    return found if isinstance(found, int) else float("inf")
