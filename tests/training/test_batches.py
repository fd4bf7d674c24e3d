"""Batches hold the right pictures with their own captions, from memory or from files alike."""

import itertools
import signal
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from rat_modules.data.folder import ImageFolder
from rat_modules.errors import DataError
from rat_modules.recipes import Recipe, load_recipe
from rat_modules.text.wordllama import WordLlamaTextEncoder
from rat_modules.training import captioned as captioned_module
from rat_modules.training.batch import Batch
from rat_modules.training.batches import Batches, windows
from rat_modules.training.captioned import Captioned
from rat_modules.training.iteration import train_step
from rat_modules.training.progress import Progress
from rat_modules.training.start import begin

from ..plates import Plates, write_plates


def first(batches: Batches, count: int, step: int = 1) -> list[Batch]:
    return list(itertools.islice(batches.starting_at(step), count))


def same(one: Batch, other: Batch) -> bool:
    return all(torch.equal(a, b) for a, b in zip(one[:3], other[:3], strict=True))


def test_pictures_come_with_their_own_captions(batches: Batches, plates: Plates) -> None:
    encoder, heard = WordLlamaTextEncoder(64), set()
    for batch in first(batches, 40):
        assert batch.images.shape == (4, 3, 16, 16) and batch.noise.shape == (4, 6)
        for image, sentence in zip(batch.images, batch.sentence, strict=True):
            number = round(float(((image / 0.85 + 1) * 127.5 / 25).mean()))
            own = encoder.encode(plates.captions(number))
            matching = torch.isclose(own, sentence).all(1).nonzero().flatten().tolist()
            assert matching, f"plate {number} with a caption of another"
            heard.add((number, matching[0]))
    assert len(heard) == sum(len(plates.captions(number)) for number in range(10)), "every caption has its turn"


def test_starting_later_is_the_same_stream(batches: Batches) -> None:
    assert all(map(same, first(batches, 9)[5:], first(batches, 4, step=6)))


@pytest.mark.parametrize("workers", [0, 2])
def test_pictures_that_do_not_fit_are_read_ahead_in_the_same_order(
    batches: Batches, recipe: Recipe, plates: Plates, monkeypatch: pytest.MonkeyPatch, workers: int
) -> None:
    monkeypatch.setattr(captioned_module, "HELD_BYTES", 0)
    streamed = Captioned(plates, WordLlamaTextEncoder(64))
    assert streamed.held is None
    others = Batches(streamed, recipe, noise_dim=6, image_size=16, seed=3, workers=workers)
    assert all(map(same, first(batches, 4, step=5), first(others, 4, step=5)))


def test_flips_mirror_some_pictures(captioned: Captioned, recipe: Recipe) -> None:
    ramp = torch.arange(16, dtype=torch.uint8).expand(10, 3, 16, 16).contiguous()
    captioned.held = ramp
    flipping = Batches(captioned, load_recipe(recipe, {"data.flip": True}), noise_dim=6, image_size=16, seed=3)
    seen = torch.cat([batch.images[:, 0, 0, 0] for batch in first(flipping, 20)])
    values = {round(float(value), 4) for value in seen}
    assert len(values) == 2 and 0.3 < float((seen == seen.min()).float().mean()) < 0.7


def test_windows_of_larger_pictures_lie_everywhere_and_follow_the_step(
    plates: Plates, recipe: Recipe, monkeypatch: pytest.MonkeyPatch
) -> None:
    ramp = torch.arange(20, dtype=torch.uint8)
    image = torch.stack([ramp[:, None].expand(20, 20), ramp[None].expand(20, 20), torch.zeros(20, 20)]).byte()
    monkeypatch.setattr(plates, "image_size", 20)
    monkeypatch.setattr(plates, "image", lambda index: image)
    chosen = load_recipe(recipe, {"data.oversize": 1.25, "data.value_range": 1.0})
    assert chosen.data.training_size(16) == 20
    batches = Batches(Captioned(plates, WordLlamaTextEncoder(64)), chosen, noise_dim=6, image_size=16, seed=3)
    corners = set()
    for batch in first(batches, 60):
        for window in ((batch.images + 1) * 127.5).round().int():
            top, left = int(window[0, 0, 0]), int(window[1, 0, 0])
            assert torch.equal(window, image[:, top : top + 16, left : left + 16].int())
            corners.add((top, left))
    assert corners == {(top, left) for top in range(5) for left in range(5)}
    assert all(map(same, first(batches, 9)[5:], first(batches, 4, step=6)))


def test_windows_of_oblong_pictures() -> None:
    pixels = torch.arange(15).view(1, 1, 3, 5)
    assert windows(pixels, 2, torch.tensor([[0.99, 0.0]]))[0, 0].tolist() == [[5, 6], [10, 11]]
    assert windows(pixels, 2, torch.tensor([[0.0, 0.99]]))[0, 0].tolist() == [[3, 4], [8, 9]]
    assert torch.equal(windows(pixels, 3, torch.tensor([[0.99, 0.34]])), pixels[..., 1:4])


def test_mismatched_captions_can_be_kept_to_other_concepts(captioned: Captioned, recipe: Recipe) -> None:
    chosen = load_recipe(recipe, {"training.mismatch_concepts": "other", "training.batch_size": 8})
    batches, left_out = Batches(captioned, chosen, noise_dim=6, image_size=16, seed=0), 0
    for step, batch in enumerate(first(batches, 20), start=1):
        concepts = captioned.concepts[batches.order.draw(step).pictures]
        pictures, captions = (indices.numpy() for indices in batch.mismatched)
        assert (concepts[pictures] != concepts[captions]).all() and (captions == pictures + 1).all()
        left_out += 7 - len(pictures)
    assert left_out > 0


def test_one_concept_cannot_be_told_from_another(captioned: Captioned, recipe: Recipe) -> None:
    captioned.concepts = np.zeros(10, dtype=int)
    with pytest.raises(DataError, match="one concept"):
        Batches(
            captioned, load_recipe(recipe, {"training.mismatch_concepts": "other"}), noise_dim=6, image_size=16, seed=0
        )


@pytest.mark.cuda
def test_a_whole_iteration_never_waits_for_the_device(recipe: Recipe, plates: Plates, tmp_path: Path) -> None:
    chosen = load_recipe(recipe, {"data.flip": True, "training.mismatch_concepts": "other"})
    state = begin(chosen, seed=0, device="cuda")
    captioned = Captioned(plates, state.assembly.text_encoder, "cuda")
    stream = Batches(captioned, chosen, noise_dim=6, image_size=16, seed=0).starting_at(1)
    with Progress(tmp_path / "m.jsonl", step=0, total=9, batch_size=4, show=False) as progress:
        for step in range(1, 9):
            if step == 4:  # the first iterations set the device up
                torch.cuda.set_sync_debug_mode("error")
            try:
                losses = train_step(state.assembly, state.optimizers, next(stream), chosen.training, step)
                state.average.update(step)
                progress.record(step, losses)
            finally:
                torch.cuda.set_sync_debug_mode("default")


@pytest.mark.parametrize("bytes_held", [2**30, 0])
def test_each_caption_is_encoded_once_for_all_epochs(
    plates: Plates, recipe: Recipe, monkeypatch: pytest.MonkeyPatch, bytes_held: int
) -> None:
    class Counting(WordLlamaTextEncoder):
        seen: list[str]

        def encode(self, captions: object) -> torch.Tensor:
            self.seen += captions
            return super().encode(captions)

    monkeypatch.setattr(captioned_module, "HELD_BYTES", bytes_held)
    encoder = Counting(64)
    encoder.seen = []
    batches = Batches(Captioned(plates, encoder), recipe, noise_dim=6, image_size=16, seed=3, workers=0)
    assert sum(len(batch.images) for batch in first(batches, 5)) == 2 * len(plates)
    assert sorted(encoder.seen) == sorted({caption for i in range(10) for caption in plates.captions(i)})


def test_a_data_set_without_pictures_or_captions_is_refused(plates: Plates) -> None:
    class Empty(Plates):
        def __len__(self) -> int:
            return 0

    class Silent(Plates):
        def captions(self, index: int) -> tuple[str, ...]:
            return () if index == 4 else ("a plate",)

    with pytest.raises(DataError, match="no pictures"):
        Captioned(Empty(), WordLlamaTextEncoder(64))
    with pytest.raises(DataError, match="picture 4"):
        Captioned(Silent(), WordLlamaTextEncoder(64))


def test_the_fingerprint_tells_captions_that_moved(plates: Plates, captioned: Captioned) -> None:
    class Moved(Plates):
        def captions(self, index: int) -> tuple[str, ...]:
            return super().captions((index + 3) % 10)

    assert captioned.fingerprint() == Captioned(plates, WordLlamaTextEncoder(64)).fingerprint()
    assert captioned.fingerprint() != Captioned(Moved(), WordLlamaTextEncoder(64)).fingerprint()


@pytest.mark.parametrize("workers", [0, 2])
@pytest.mark.parametrize("held", [True, False])
def test_a_picture_lost_while_training_gives_way_with_its_caption(
    recipe: Recipe, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, workers: int, held: bool
) -> None:
    folder = ImageFolder(write_plates(tmp_path / "plates"), image_size=16)
    encoder = WordLlamaTextEncoder(64)

    class Late(WordLlamaTextEncoder):
        def encode(self, captions: object) -> torch.Tensor:
            (tmp_path / "plates" / "4.png").unlink(missing_ok=True)  # captions are read, pictures are not
            return super().encode(captions)

    if not held:
        monkeypatch.setattr(captioned_module, "HELD_BYTES", 0)
        monkeypatch.setattr(captioned_module, "pictures_digest", lambda dataset: "")
    batches = Batches(Captioned(folder, Late(64)), recipe, noise_dim=6, image_size=16, seed=3, workers=workers)
    assert (batches.captioned.held is not None) is held
    seen = set()
    for batch in first(batches, 20):
        for image, sentence in zip(batch.images, batch.sentence, strict=True):
            number = round(float(((image / 0.85 + 1) * 127.5 / 25).mean()))
            own = encoder.encode(Plates().captions(number))
            assert torch.isclose(own, sentence).all(1).any(), f"plate {number} with a caption of another"
            seen.add(number)
    assert seen == set(range(10)) - {4}


@pytest.mark.parametrize("bytes_held", [2**30, 0])
def test_the_fingerprint_tells_other_pictures(
    plates: Plates, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, bytes_held: int
) -> None:
    class Repainted(Plates):
        def image(self, index: int) -> torch.Tensor:
            return super().image(index) + (index == 9)

    monkeypatch.setattr(captioned_module, "HELD_BYTES", bytes_held)

    def fingerprint(dataset: object) -> dict[str, object]:
        return Captioned(dataset, WordLlamaTextEncoder(64)).fingerprint()

    assert fingerprint(plates) == fingerprint(Plates()) != fingerprint(Repainted())
    root = write_plates(tmp_path / "plates")
    before = fingerprint(ImageFolder(root, image_size=16))
    Image.linear_gradient("L").convert("RGB").save(root / "4.png")
    assert before != fingerprint(ImageFolder(root, image_size=16))


def test_readers_leave_signals_to_their_parent() -> None:
    code = (
        "import os, signal; from rat_modules.training.reading import leave_signals_to_parent as leave; leave(0);"
        "[os.kill(os.getpid(), number) for number in (signal.SIGINT, signal.SIGTERM)]; print('alive')"
    )
    assert subprocess.run([sys.executable, "-c", code], capture_output=True, text=True).stdout == "alive\n"


def test_readers_are_started_so_that_they_ignore_signals(
    plates: Plates, recipe: Recipe, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Asking(Plates):
        def image(self, index: int) -> torch.Tensor:
            kept = [signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)]
            return torch.full((3, 16, 16), 255 * (kept == [signal.SIG_IGN] * 2), dtype=torch.uint8)

    monkeypatch.setattr(captioned_module, "HELD_BYTES", 0)
    batches = Batches(
        Captioned(Asking(), WordLlamaTextEncoder(64)), recipe, noise_dim=6, image_size=16, seed=3, workers=1
    )
    assert all((batch.images > 0).all() for batch in first(batches, 2))
