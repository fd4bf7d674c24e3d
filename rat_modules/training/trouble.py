"""The batch of an iteration that went wrong, kept so that it can be looked at."""

import json
from pathlib import Path

from rat_modules.checkpoints.files import write_safetensors
from rat_modules.training.batches import Batches

MOST = 10  # files; a run that goes on and on over a broken picture fills no disk


def keep_batch(folder: Path, step: int, batches: Batches) -> None:
    """Write the pictures, sentences, noise and captions of an iteration to `step-00000012.safetensors`.

    Each of several processes writes its own part.

    Args:
        folder: made where it is missing; nothing is written once it holds ten files.
        step: the iteration.
        batches: from which its batch is drawn again.

    Raises:
        OSError: the folder cannot be written.
    """
    folder.mkdir(exist_ok=True)
    if len(list(folder.glob("step-*.safetensors"))) >= MOST * batches.processes:
        return
    batch = next(batches.starting_at(step))
    tensors = {"images": batch.images, "sentence": batch.sentence, "noise": batch.noise}
    tensors = {name: tensor.cpu().contiguous() for name, tensor in tensors.items()}
    captions = json.dumps(batches.captions_at(step), ensure_ascii=False)
    part = f"-from-{batches.own.start}" if batches.processes > 1 else ""
    write_safetensors(folder / f"step-{step:08d}{part}.safetensors", tensors, {"captions": captions})
