"""What is written as shards is read back equal; what is damaged is told by the name of its tar."""

import io
import json
import pickle
import tarfile
from collections.abc import Callable
from pathlib import Path

import pytest
import torch
from PIL import Image

from rat_modules.data import CaptionedImages, open_dataset
from rat_modules.data.captioned_files import CaptionedFiles, Item
from rat_modules.data.check import check_folder
from rat_modules.data.shard_file import MOST_PICTURE, MOST_RECORD, ShardFile
from rat_modules.data.shard_index import ShardEntry, digest_of
from rat_modules.data.shard_writing import write_shards
from rat_modules.data.shards import Shards
from rat_modules.errors import DataError
from rat_modules.testing import check_dataset

from ..plates import write_plates
from ..shards_of import shards_of

pytest.importorskip("webdataset", reason="webdataset is not installed: pip install 'rat-modules[shards]'")


@pytest.fixture
def shards(tmp_path: Path) -> Path:
    """The plates in tars of three."""
    write_plates(tmp_path / "plates/train")
    write_shards(tmp_path / "plates", tmp_path / "shards", per=3)
    return tmp_path / "shards"


def everything(dataset: CaptionedImages) -> list[tuple[object, ...]]:
    rows = range(len(dataset))
    return [(dataset.image(i).numpy().tobytes(), dataset.captions(i), dataset.concept(i)) for i in rows]


@pytest.mark.parametrize("name", ["mini", "folder"])
def test_pictures_and_captions_come_back_equal(name: str, tmp_path: Path) -> None:
    data = "mini" if name == "mini" else write_plates(tmp_path / "plates")
    index = write_shards(data, tmp_path / "shards", per=4)
    for split, about in index.splits.items():
        before, after = open_dataset(data, split=split), open_dataset(tmp_path / "shards", split=split)
        assert isinstance(after, Shards) and everything(after) == everything(before)
        assert about.pictures == len(before) and max(shard.pictures for shard in about.shards) <= 4
        assert about.concepts == len({before.concept(i) for i in range(len(before))})
        check_dataset(after)


def test_original_files_are_kept_with_the_part_of_them_to_show(tmp_path: Path) -> None:
    Image.linear_gradient("L").resize((90, 60)).convert("RGB").save(tmp_path / "a.jpg")
    items = [Item(tmp_path / "a.jpg", ("a ramp", "grey"), "ramp", box=(10, 5, 20, 30))]
    dataset = CaptionedFiles("ramps", items, [], image_size=32, fit="pad", background=(1, 2, 3))
    shards_of(dataset, tmp_path / "shards", per=10)
    again = Shards(tmp_path / "shards", image_size=32)
    assert everything(again) == everything(dataset)
    assert again.original(0) == ((tmp_path / "a.jpg").read_bytes(), "jpg", (10, 5, 20, 30))
    assert Shards(tmp_path / "shards", image_size=200).image(0).shape == (3, 200, 200)


def test_shards_of_shards_hold_the_same_bytes(shards: Path, tmp_path: Path) -> None:
    write_shards(shards, tmp_path / "again", per=5)
    before, after = Shards(shards), Shards(tmp_path / "again")
    assert [before.original(i) for i in range(10)] == [after.original(i) for i in range(10)]
    assert len(after.about.shards) == 2 and len(before.about.shards) == 4


def test_smaller_pictures_are_not_enlarged_unawares(tmp_path: Path) -> None:
    write_shards("mini", tmp_path / "shards", image_size=16)
    assert Shards(tmp_path / "shards").image_size == 16
    assert Shards(tmp_path / "shards", image_size=8).image(0).shape == (3, 8, 8)
    with pytest.raises(DataError, match=r"got 32 pixels, expected at most 16.*--image-size 32"):
        Shards(tmp_path / "shards", image_size=32)
    assert Shards(tmp_path / "shards", image_size=32, enlarge=True).image(0).shape == (3, 32, 32)


def test_few_tars_are_open_at_a_time_and_none_travels(tmp_path: Path) -> None:
    write_shards("mini", tmp_path / "shards", per=2)
    files = Path("/proc/self/fd")
    before = len(list(files.iterdir())) if files.is_dir() else 0
    dataset = Shards(tmp_path / "shards", window=3)
    for index in range(len(dataset)):
        dataset.captions(index)
    assert len(dataset._open) == 6
    if before:
        assert len(list(files.iterdir())) - before == 6
    travelled = pickle.loads(pickle.dumps(dataset))
    assert not travelled._open and travelled.captions(40) == dataset.captions(40)
    with pytest.raises(IndexError):
        dataset.captions(len(dataset))


def test_check_counts_and_finds_other_bytes(shards: Path) -> None:
    report = check_folder(shards)
    assert [(split.split, split.pictures, split.captions) for split in report.splits] == [("train", 10, 19)]
    tar = shards / "train/000002.tar"
    content = bytearray(tar.read_bytes())
    content[700] ^= 1  # within the first record
    tar.write_bytes(content)
    with pytest.raises(DataError, match=r"shard train/000002.tar .*got sha256 .*as the index says"):
        check_folder(shards)


@pytest.mark.parametrize(
    ("spoil", "said"),
    [
        (lambda tar: tar.unlink(), "got no such file, expected 10240 bytes"),
        (lambda tar: tar.write_bytes(tar.read_bytes()[:4000]), "got 4000 bytes, expected 10240 bytes"),
        (lambda tar: (tar.unlink(), tar.mkdir()), "got no such file"),
    ],
)
def test_a_tar_that_is_missing_or_cut_is_refused_at_once(spoil: Callable, said: str, shards: Path) -> None:
    spoil(shards / "train/000001.tar")
    with pytest.raises(DataError, match=f"shard train/000001.tar of .*{said}"):
        Shards(shards)


def rewrite(shards: Path, number: int, members: list[tuple[str, bytes] | tarfile.TarInfo]) -> None:
    """Put another tar in the place of one, of the same size, as far as the index goes."""
    tar = shards / f"train/{number:06d}.tar"
    with tarfile.open(tar, "w") as archive:
        for member in members:
            if isinstance(member, tarfile.TarInfo):
                archive.addfile(member)
                continue
            about = tarfile.TarInfo(member[0])
            about.size = len(member[1])
            archive.addfile(about, io.BytesIO(member[1]))
    change_index(shards, lambda index: index["splits"]["train"]["shards"][number].update(bytes=tar.stat().st_size))


def change_index(shards: Path, change: Callable[[dict], object]) -> None:
    index = json.loads((shards / "index.json").read_text())
    change(index)
    (shards / "index.json").write_text(json.dumps(index))


def png() -> bytes:
    file = io.BytesIO()
    Image.new("RGB", (16, 16), (75, 75, 75)).save(file, "PNG")
    return file.getvalue()


GOOD = json.dumps({"captions": ["a plate"], "concept": "1"}).encode()


def link(name: str) -> tarfile.TarInfo:
    member = tarfile.TarInfo(name)
    member.type, member.linkname = tarfile.SYMTYPE, "/etc/passwd"
    return member


def long(name: str, size: int) -> bytes:
    """A header that promises so many bytes, and none of them."""
    member = tarfile.TarInfo(name)
    member.size = size
    return member.tobuf() + bytes(10240)


@pytest.mark.parametrize(
    ("members", "said"),
    [
        ([("a.json", GOOD), ("a.png", png())], "got 1 pictures, expected 3, as the index says"),
        ([("../../a.json", GOOD)], r"got member '../../a.json', expected files KEY.json and KEY.png"),
        ([("/etc/a.png", png())], "got member '/etc/a.png'"),
        ([("a.sh", b"rm")], "got member 'a.sh', expected pictures and records"),
        ([link("a.png")], "got member 'a.png'"),
        ([("a.json", GOOD), ("a.png", png()), ("a.jpg", png())], "two pictures or two records a"),
        ([("a.json", GOOD), ("b.json", GOOD), ("b.png", png())], "a record without a picture"),
        ([("a.json", bytes(MOST_RECORD + 1))], f"a.json of {MOST_RECORD + 1} bytes, expected at most {MOST_RECORD}"),
        ([], "got 0 pictures"),
    ],
)
def test_a_tar_of_something_else_is_refused(members: list, said: str, shards: Path) -> None:
    rewrite(shards, 1, members)
    with pytest.raises(DataError, match=f"^shard train/000001.tar is damaged: .*{said}.*data check"):
        Shards(shards).read(4)


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (long("a.png", MOST_PICTURE + 1), "expected at most 268435456, all within the tar"),
        (long("a.png", 20_000), "a.png of 20000 bytes, expected .* all within the tar"),
        (b"no tar at all" * 1000, "bad checksum at byte 0|invalid header at byte 0"),
        (b"", "empty header at byte 0"),
    ],
)
def test_a_tar_with_other_headers_is_refused(content: bytes, said: str, tmp_path: Path) -> None:
    tar = tmp_path / "a.tar"
    tar.write_bytes(content)
    with pytest.raises(DataError, match=said):
        ShardFile(tar, name="a.tar", pictures=3)
    with pytest.raises(DataError, match="No such file"):
        ShardFile(tmp_path / "b.tar", name="b.tar", pictures=3)


@pytest.mark.parametrize(
    ("record", "picture"),
    [
        (GOOD, b"no picture"),
        (GOOD, png()[:-30]),
        (b"{", png()),
        (b"[" * 100_000, png()),
        (b'{"captions": [], "concept": "1"}', png()),
        (b'{"captions": "a plate", "concept": "1"}', png()),
        (b'{"captions": [" "], "concept": "1"}', png()),
        (b'{"captions": ["a plate"], "concept": 1}', png()),
        (b'{"captions": ["a plate"], "concept": "1", "box": [1, 2]}', png()),
        (b"[]", png()),
    ],
)
def test_one_unreadable_picture_gives_way_to_the_next_of_its_tar(record: bytes, picture: bytes, shards: Path) -> None:
    other = json.dumps({"captions": ["another"], "concept": "2"}).encode()
    pairs = [("a", other, png()), ("b", other, png()), ("c", record, picture)]
    members = [member for key, *two in pairs for member in zip((f"{key}.json", f"{key}.png"), two, strict=True)]
    rewrite(shards, 1, members)
    dataset = Shards(shards)
    image, place = dataset.read(5)
    assert place == 3 and dataset.captions(5) == ("another",) and torch.equal(image, dataset.image(3))
    assert len(dataset) == 10 and dataset.skipped[0][0] == "train/000001.tar:2"
    assert dataset.read(6)[1] == 6, "the others stay where they are"
    rewrite(shards, 1, [(f"{key}{ending}", content) for key in "abc" for ending, content in
                        ((".json", record), (".png", picture))])  # fmt: skip
    with pytest.raises(DataError, match=r"shard train/000001.tar of .*got 3 pictures lost"):
        Shards(shards).read(5)


def first_shard(**changes: object) -> Callable[[dict], object]:
    return lambda index: index["splits"]["train"]["shards"][0].update(changes)


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (first_shard(pictures=4), "its shards hold 11 pictures, not 10"),
        (first_shard(sha256="0" * 64), "its digest is not that of its shards"),
        (first_shard(name="../elsewhere/000000.tar"), "'name' must match regex"),
        (first_shard(name="train/000001.tar"), "names a shard twice"),
        (first_shard(bytes=-1), "'bytes' must be >= 1"),
        (first_shard(more=1), "extra fields found"),
        (lambda index: index.pop("splits"), "required field missing"),
        (lambda index: index.update(fit="stretch"), "stretch"),
        (lambda index: index.update(format="rat_modules/shards/9"), "another format: got rat_modules/shards/9"),
    ],
)
def test_an_index_that_does_not_fit_is_refused(change: Callable, said: str, shards: Path) -> None:
    change_index(shards, change)
    with pytest.raises(DataError, match=f"{said}.*write the shards anew"):
        open_dataset(shards)


def test_a_damaged_index_is_refused(shards: Path) -> None:
    index = shards / "index.json"
    index.write_bytes(index.read_bytes()[:300])
    with pytest.raises(DataError, match=r"index.json cannot be read: got JSONDecodeError"):
        open_dataset(shards)


def test_an_index_of_somebody_else_is_no_index(tmp_path: Path) -> None:
    write_plates(tmp_path / "plates")
    (tmp_path / "plates/index.json").write_text('{"pages": []}')
    assert not isinstance(open_dataset(tmp_path / "plates"), Shards)


def test_options_that_cannot_be(shards: Path) -> None:
    for options, said in [
        ({"window": 0}, "window of shards: got 0"),
        ({"window": "x"}, "window of shards"),
        ({"split": "test"}, "got 'test', expected one of train"),
        ({"fit": "stretch"}, "'crop' or 'pad'"),
        ({"image_size": 0}, "at least 1 pixel"),
    ]:
        with pytest.raises(DataError, match=said):
            Shards(shards, **options)


def test_the_digest_tells_the_order_of_tars() -> None:
    one, two = (ShardEntry(f"train/{k:06d}.tar", 1, 1, str(k) * 64) for k in (1, 2))
    assert digest_of((one, two)) != digest_of((two, one))
