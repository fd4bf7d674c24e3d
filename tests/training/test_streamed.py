"""Batches of shards: whole, in order, from anywhere, shared by processes, in little memory."""

import itertools
import os
import signal
import subprocess
import sys
import time
import tracemalloc
from collections.abc import Callable
from pathlib import Path

import pytest
import torch

from rat_modules.data.shards import Shards
from rat_modules.errors import DataError
from rat_modules.recipes import Recipe, load_recipe
from rat_modules.text.wordllama import WordLlamaTextEncoder
from rat_modules.training import streamed as streamed_module
from rat_modules.training.batch import Batch
from rat_modules.training.batches import Batches
from rat_modules.training.captioned import Captioned
from rat_modules.training.preview import Preview
from rat_modules.training.reading import read_ahead
from rat_modules.training.streamed import Streamed, source_of
from rat_modules.training.trouble import keep_batch

from ..data.test_shards import GOOD, png, rewrite
from ..plates import Plates
from ..shards_of import shards_of

pytest.importorskip("webdataset", reason="webdataset is not installed: pip install 'rat-modules[shards]'")


@pytest.fixture
def shards(tmp_path: Path) -> Path:
    return shards_of(Plates(), tmp_path / "shards", per=3)


Make = Callable[..., Batches]


@pytest.fixture
def make(shards: Path, recipe: Recipe) -> Make:
    def make_batches(
        *, workers: int = 0, process: tuple[int, int] = (0, 1), window: int = 2, **changes: object
    ) -> Batches:
        source = Streamed(Shards(shards, image_size=16, window=window), WordLlamaTextEncoder(64))
        chosen = load_recipe(recipe, {key.replace("__", "."): value for key, value in changes.items()})
        return Batches(source, chosen, noise_dim=6, image_size=16, seed=3, workers=workers, process=process)

    return make_batches


def first(batches: Batches, count: int, step: int = 1) -> list[Batch]:
    return list(itertools.islice(batches.starting_at(step), count))


def same(one: Batch, other: Batch) -> bool:
    tensors = [(a, b) for a, b in zip(one, other, strict=True) if isinstance(a, torch.Tensor)]
    pairs = [] if one.mismatched is None else list(zip(one.mismatched, other.mismatched, strict=True))
    return len(tensors) >= 3 and all(torch.equal(a, b) for a, b in tensors + pairs)


def number(image: torch.Tensor) -> int:
    """Which plate it is."""
    return round(float(((image / 0.85 + 1) * 127.5 / 25).mean()))


def test_pictures_come_with_their_own_captions(make: Make) -> None:
    encoder, heard, batches = WordLlamaTextEncoder(64), set(), make()
    for step, batch in enumerate(first(batches, 60), start=1):
        for image, sentence, said in zip(batch.images, batch.sentence, batches.captions_at(step), strict=True):
            own = Plates().captions(number(image))
            assert said in own and torch.equal(encoder.encode([said])[0], sentence)
            heard.add((number(image), said))
    assert len(heard) == sum(len(Plates().captions(k)) for k in range(10)), "every caption has its turn"


@pytest.mark.parametrize("workers", [0, 2])
def test_the_stream_is_the_same_again_and_from_anywhere(make: Make, workers: int) -> None:
    everything = {"data__flip": True, "training__augment": ["color"], "training__mismatch_concepts": "other"}
    whole = first(make(**everything), 12)
    assert all(map(same, whole, first(make(workers=workers, **everything), 12)))
    assert all(map(same, whole[7:], first(make(workers=workers, **everything), 5, step=8)))
    assert not all(map(same, whole, first(make(window=1, **everything), 12)))


def test_windows_of_larger_pictures(shards: Path, recipe: Recipe) -> None:
    chosen = load_recipe(recipe, {"data.oversize": 1.25})
    source = Streamed(Shards(shards, image_size=20, enlarge=True), WordLlamaTextEncoder(64))
    batches = Batches(source, chosen, noise_dim=6, image_size=16, seed=3, workers=0)
    assert all(batch.images.shape == (4, 3, 16, 16) for batch in first(batches, 3))


def test_mismatched_captions_are_of_other_concepts(make: Make, shards: Path) -> None:
    batches = make(training__mismatch_concepts="other", training__batch_size=8)
    shown, left_out = Shards(shards), 0
    for step, batch in enumerate(first(batches, 20), start=1):
        concepts = [shown.concept(int(picture)) for picture in batches.order.draw(step).pictures]
        pictures, captions = (indices.tolist() for indices in batch.mismatched)
        assert all(concepts[a] != concepts[b] and b == a + 1 for a, b in zip(pictures, captions, strict=True))
        left_out += 7 - len(pictures)
    assert left_out > 0


@pytest.mark.parametrize("concepts", ["any", "other"])
@pytest.mark.parametrize("count", [2, 4])
def test_processes_read_the_parts_of_one_batch(make: Make, count: int, concepts: str) -> None:
    changes = {"training__mismatch_concepts": concepts, "training__batch_size": 8}
    whole = first(make(**changes), 6, step=3)
    parts = [first(make(process=(rank, count), **changes), 6, step=3) for rank in range(count)]
    for one, shared in zip(whole, zip(*parts, strict=True), strict=True):
        for name in ("images", "sentence", "noise"):
            assert torch.equal(torch.cat([getattr(part, name) for part in shared]), getattr(one, name))
        assert all(torch.equal(part.others, one.sentence) for part in shared)
        assert sum(part.share for part in shared) == pytest.approx(count)


def test_a_process_reads_no_picture_of_another(make: Make, monkeypatch: pytest.MonkeyPatch) -> None:
    read: list[int] = []
    plain = Shards.read

    def noted(self: Shards, index: int) -> tuple[torch.Tensor, int]:
        read.append(index)
        return plain(self, index)

    monkeypatch.setattr(Shards, "read", noted)
    batches = make(process=(1, 2))
    first(batches, 1)
    assert sorted(read) == sorted(batches.order.draw(1).pictures[2:].tolist())


@pytest.mark.parametrize("workers", [0, 2])
def test_a_picture_that_cannot_be_read_gives_way_with_its_caption(make: Make, shards: Path, workers: int) -> None:
    content = [(f"{key}.{ending}", {"json": GOOD, "png": png()}[ending]) for key in "abc" for ending in ("json", "png")]
    content[3] = ("b.png", b"no picture")
    content[4] = ("c.json", b'{"captions": ["the third"], "concept": "2"}')
    rewrite(shards, 1, content)
    third = WordLlamaTextEncoder(64).encode(["the third"])[0]
    batches, heard = make(workers=workers), 0
    for step, batch in enumerate(first(batches, 10), start=1):
        for picture, sentence in zip(batches.order.draw(step).pictures, batch.sentence, strict=True):
            if picture in (4, 5):
                assert torch.equal(sentence, third)
                heard += 1
    assert heard == 8, "four epochs of ten pictures"


@pytest.mark.parametrize("workers", [0, 2])
def test_a_damaged_tar_ends_the_stream_in_one_line(make: Make, shards: Path, workers: int) -> None:
    tar = shards / "train/000001.tar"
    tar.write_bytes(b"x" * tar.stat().st_size)
    with pytest.raises(DataError, match=r"^shard train/000001.tar is damaged: [^\n]*data check[^\n]*$") as caught:
        first(make(workers=workers), 10)
    assert "Traceback" not in str(caught.value)


def test_readers_ignore_what_ends_their_parent() -> None:
    def handlers(wanted: int) -> list[int]:
        return [signal.getsignal(each) == signal.SIG_IGN for each in (signal.SIGINT, signal.SIGTERM)]

    assert next(read_ahead(handlers, itertools.count(), workers=1, pinned=False)) == [True, True]


def test_an_error_of_the_program_itself_does_not_wait_for_its_readers() -> None:
    code = (
        "import itertools; from rat_modules.training.reading import read_ahead;"
        "stream = read_ahead(abs, itertools.count(), workers=1, pinned=False);"
        "print(next(stream)); 1 / 0"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=60)
    assert done.returncode == 1 and done.stdout == "0\n" and done.stderr.endswith("division by zero\n")


def test_reading_goes_on_while_training_computes() -> None:
    def slow(wanted: int) -> int:
        time.sleep(0.1)
        return os.getpid()

    answers = read_ahead(slow, itertools.count(), workers=2, pinned=False)
    assert next(answers) != os.getpid()
    time.sleep(0.6)
    began = time.monotonic()
    assert len({next(answers) for _ in range(3)}) == 2
    assert time.monotonic() - began < 0.1, "they were read meanwhile"


def test_sentences_are_kept_up_to_a_number_and_stay_the_same(
    shards: Path, recipe: Recipe, monkeypatch: pytest.MonkeyPatch, make: Make
) -> None:
    asked: list[str] = []

    class Counting(WordLlamaTextEncoder):
        def encode(self, captions: list[str]) -> torch.Tensor:
            assert len(captions) == 1, "in company, its last bits could depend on where a run began"
            asked.extend(captions)
            return super().encode(captions)

    source = Streamed(Shards(shards, image_size=16), Counting(64))
    batches = Batches(source, recipe, noise_dim=6, image_size=16, seed=3, workers=0)
    whole = first(batches, 30)
    assert sorted(asked) == sorted({caption for k in range(10) for caption in Plates().captions(k)})
    monkeypatch.setattr(streamed_module, "KEPT_SENTENCES", 3)
    again = first(batches, 30)
    assert len(source._sentences._kept) == 3 and all(map(same, whole, again))


def peak(work: Callable[[], object]) -> int:
    tracemalloc.start()
    try:
        work()
        return tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()


def test_memory_does_not_grow_with_the_set(tmp_path: Path, recipe: Recipe) -> None:
    """Eight times the pictures in no more memory but for the index; numpy and Python objects are counted."""
    used = {}
    for count in (400, 3200):
        made = shards_of(Many(count), tmp_path / str(count), per=50)

        def work(made: Path = made) -> None:
            source = Streamed(Shards(made, image_size=16), WordLlamaTextEncoder(64))
            Preview(source.dataset, seed=0)
            first(Batches(source, recipe, noise_dim=6, image_size=16, seed=3, workers=0), 60, step=1000)

        work()
        used[count] = peak(work)
    entries = 56 * 2000  # the index holds 56 tars more
    assert used[3200] < used[400] + entries, used


class Many(Plates):
    """So many plates, each with a long caption of its own."""

    def __init__(self, count: int) -> None:
        self.count = count

    def __len__(self) -> int:
        return self.count

    def image(self, index: int) -> torch.Tensor:
        return super().image(index % 10)

    def captions(self, index: int) -> tuple[str, ...]:
        return (f"plate {index} " + "of many " * 30,)


def test_the_fingerprint_tells_other_shards_and_another_order(shards: Path, tmp_path: Path) -> None:
    def fingerprint(folder: Path, **options: int) -> dict[str, object]:
        return Streamed(Shards(folder, **options), WordLlamaTextEncoder(64)).fingerprint()

    same, other = (shards_of(Plates(), tmp_path / f"per-{per}", per=per) for per in (3, 4))
    assert fingerprint(shards) == fingerprint(same) != fingerprint(other)
    assert fingerprint(shards, window=3) != fingerprint(shards)


def test_the_batch_of_a_bad_step_can_be_kept(make: Make, tmp_path: Path) -> None:
    keep_batch(tmp_path / "troubles", 7, make())
    assert (tmp_path / "troubles/step-00000007.safetensors").is_file()


def test_a_source_is_chosen_by_what_the_data_are(shards: Path, plates: Plates) -> None:
    encoder = WordLlamaTextEncoder(64)
    assert isinstance(source_of(Shards(shards), encoder), Streamed)
    assert isinstance(source_of(plates, encoder), Captioned)
