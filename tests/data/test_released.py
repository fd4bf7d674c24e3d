"""CUB, Oxford-102 and COCO in their published layouts, built here with real pickles and real JPEGs."""

import pickle
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from rat_modules.data import open_dataset
from rat_modules.data.captioned_files import surroundings
from rat_modules.data.released import Released
from rat_modules.errors import CheckpointError, DataError
from rat_modules.text.vocabulary import Vocabulary

BIRDS = {
    "train": ["001.Albatross/Albatross_0046_18", "001.Albatross/Albatross_0009_34", "002.Wren/Wren_0001_1"],
    "test": ["003.Jay/Jay_0002_2"],
}


def _python_2_pickle(names: Sequence[str]) -> bytes:
    """A list of texts as Python 2 writes it with protocol 0, which the published filenames.pickle have."""
    return b"(lp0\n" + b"".join(b"S'%s'\na" % name.encode() for name in names) + b"."


def _jpeg(path: Path, size: tuple[int, int] = (120, 90), colour: str = "green") -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.new("RGB", size, colour).save(path, quality=95)


def _write(path: Path, content: object, protocol: int = 2) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content if isinstance(content, bytes) else pickle.dumps(content, protocol=protocol))


def _texts(root: Path, name: str, lines: Sequence[str]) -> None:
    path = root / "text" / f"{name}.txt"
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")


@pytest.fixture
def birds(tmp_path: Path) -> Path:
    root = tmp_path / "birds"
    names = [name for split in BIRDS.values() for name in split]
    for number, name in enumerate(names):
        image = Image.new("RGB", (120, 90), "green")
        image.paste((255, 0, 0), (70, 30, 110, 50))  # the bird
        path = root / "CUB_200_2011" / "images" / f"{name}.jpg"
        path.parent.mkdir(parents=True, exist_ok=True)
        image.save(path, quality=95)
        _texts(root, name, [f"this bird is number {number} line {line}." for line in range(10)])
    for split, members in BIRDS.items():
        _write(root / split / "filenames.pickle", _python_2_pickle(members))
    _write(root / "train" / "class_info.pickle", [1, 1, 2])
    _write(root / "test" / "class_info.pickle", np.array([3]))
    cub = root / "CUB_200_2011"
    # the list of pictures is longer than the splits, and in another order
    listed = ["000.None/None_1", *reversed(names)]
    (cub / "images.txt").write_text("".join(f"{n} {name}.jpg\n" for n, name in enumerate(listed, start=1)))
    (cub / "bounding_boxes.txt").write_text(
        "1 0.0 0.0 5.0 5.0\n" + "".join(f"{n} 70.0 30.0 40.0 20.0\n" for n in range(2, len(listed) + 1))
    )
    return root


def test_birds_with_the_published_crop(birds: Path) -> None:
    dataset = open_dataset(birds, image_size=60)
    assert isinstance(dataset, Released) and len(dataset) == 3 and dataset.skipped == [] and dataset.name == "birds"
    assert dataset.captions(1) == tuple(f"this bird is number 1 line {line}." for line in range(10))
    assert [dataset.concept(index) for index in range(3)] == ["1", "1", "2"]
    # centre (90, 40), radius 30: the square (60, 10, 120, 70), so the bird stands at (10, 20) to (50, 40)
    red = dataset.image(0)[0] > 128
    rows, columns = red.any(dim=1).nonzero().flatten(), red.any(dim=0).nonzero().flatten()
    assert abs(int(rows[0]) - 20) <= 1 and abs(int(rows[-1]) - 39) <= 1
    assert abs(int(columns[0]) - 10) <= 1 and abs(int(columns[-1]) - 49) <= 1
    test = open_dataset(birds, image_size=8, split="test")
    assert len(test) == 1 and test.concept(0) == "3" and test.captions(0)[9].endswith("number 3 line 9.")


@pytest.mark.parametrize(
    ("box", "size", "expected"),
    [
        ((60, 27, 325, 304), (500, 335), (0, 0, 465, 335)),
        ((139, 30, 153, 264), (500, 500), (17, 0, 413, 360)),
        ((5, 5, 3, 3), (100, 100), (4, 4, 8, 8)),
        ((300, 300, 20, 20), (100, 100), (0, 0, 100, 100)),
    ],
)
def test_the_crop_is_the_published_arithmetic(
    box: tuple[int, int, int, int], size: tuple[int, int], expected: tuple[int, int, int, int]
) -> None:
    assert surroundings(box, size) == expected


def test_flowers_without_classes_or_boxes(tmp_path: Path) -> None:
    root = tmp_path / "flowers"
    names = ["image_06734", "image_00001"]
    _write(root / "train" / "filenames.pickle", names)
    for name in names:
        _jpeg(root / "jpg" / f"{name}.jpg", colour="yellow")
        _texts(root, name, ["a yellow flower", ""])
    dataset = open_dataset(root, image_size=16)
    assert dataset.captions(0) == ("a yellow flower",)
    assert [dataset.concept(index) for index in range(2)] == names
    assert Released.splits_in(root) == ["train"]
    with pytest.raises(DataError, match=r"no file .*test/filenames\.pickle"):
        open_dataset(root, split="test")


def test_flowers_with_the_class_list_of_ratgan(tmp_path: Path) -> None:
    root = tmp_path / "flowers"
    _write(root / "train" / "filenames.pickle", {"img": ["image_1", "image_2"], "cat": ["rose", "iris"]})
    for name in ("image_1", "image_2"):
        _jpeg(root / "oxford-102-flowers" / "images" / f"{name}.jpg")
        _texts(root, name, ["a flower"])
    assert [open_dataset(root, image_size=8).concept(index) for index in range(2)] == ["rose", "iris"]


def test_coco_with_captions_from_the_pickle_alone(tmp_path: Path) -> None:
    root = tmp_path / "coco"
    words = ["<end>", "a", "man", "rides", "horse", "plate", "of", "food"]
    train = [[1, 2, 3, 1, 4], [2, 4], [1, 5, 6, 7], [7]]
    index_to_word, word_to_index = dict(enumerate(words)), {word: number for number, word in enumerate(words)}
    _write(root / "captions.pickle", [train, [[1, 2], [2]], index_to_word, word_to_index])
    for split, year, names in (("train", "train2014", ("09", "25")), ("test", "val2014", ("42",))):
        names = [f"COCO_{year}_0000000000{name}" for name in names]
        _write(root / split / "filenames.pickle", _python_2_pickle(names))
        for name in names:
            _jpeg(root / "images" / f"{name}.jpg")
    dataset = open_dataset(root, image_size=8)
    assert [dataset.captions(index) for index in range(2)] == [
        ("a man rides a horse", "man horse"),
        ("a plate of food", "food"),
    ]
    assert open_dataset(root, image_size=8, split="test").captions(0) == ("a man", "man")
    assert dataset.concept(0) != dataset.concept(1)
    assert Vocabulary.from_captions_pickle(root / "captions.pickle").to_plain() == words


def test_what_is_missing_or_damaged_is_left_out_and_told(birds: Path) -> None:
    images, first, second = birds / "CUB_200_2011" / "images", *BIRDS["train"][:2]
    names = [*BIRDS["train"], "001.Albatross/Gone", "../../secret", "001.Albatross/Silent", "001.Albatross/Latin"]
    _jpeg(birds / "secret.jpg")
    for name in names[-2:]:
        _jpeg(images / f"{name}.jpg")
    (birds / "text" / f"{names[-1]}.txt").write_bytes(b"caf\xe9\n")
    _write(birds / "train" / "filenames.pickle", names)
    (birds / "train" / "class_info.pickle").unlink()
    (images / f"{first}.jpg").write_bytes((images / f"{first}.jpg").read_bytes()[:300])
    (birds / "CUB_200_2011" / "images.txt").write_text(f"1 {first}.jpg\n2 {BIRDS['train'][2]}.jpg\n")
    dataset = open_dataset(birds, image_size=8)
    assert len(dataset) == 1 and dataset.concept(0) == BIRDS["train"][2]
    told = {Path(file).stem: reason for file, reason in dataset.skipped}
    assert told.keys() == {Path(name).name for name in names} - {Path(BIRDS["train"][2]).name}
    assert "cannot be decoded" in told[Path(first).name] and told[Path(second).name] == "no bounding box"
    assert "no picture" in told["Gone"] and "no picture" in told["secret"]
    assert "no captions" in told["Silent"] and "not UTF-8" in told["Latin"]


def _runs() -> object:
    class Runs:
        def __reduce__(self) -> object:
            return (print, ("ran",))

    return Runs()


@pytest.mark.parametrize(
    ("file", "content", "message"),
    [
        ("train/filenames.pickle", {"a": 1}, "got dict, expected a list"),
        ("train/filenames.pickle", [1, 2], "got a int, expected a list of file names"),
        ("train/filenames.pickle", [], "a list that is not empty"),
        ("train/class_info.pickle", [1, 2], r"class_info\.pickle does not fit .*got 2 classes, expected 3"),
        ("CUB_200_2011/images.txt", b"99 001.Albatross/x.jpg\n", "do not fit"),
        ("CUB_200_2011/bounding_boxes.txt", b"1 0.0 zero\n", "do not fit"),
    ],
)
def test_parts_that_contradict_each_other_are_refused(birds: Path, file: str, content: object, message: str) -> None:
    _write(birds / file, content)
    with pytest.raises(DataError, match=message):
        open_dataset(birds, image_size=8)


@pytest.mark.parametrize("file", ["filenames.pickle", "class_info.pickle"])
def test_a_pickle_that_would_run_something_is_refused(
    birds: Path, file: str, capsys: pytest.CaptureFixture[str]
) -> None:
    _write(birds / "train" / file, _runs())
    with pytest.raises(CheckpointError, match=rf"{file} is refused: it names \S+\.print"):
        open_dataset(birds, image_size=8)
    assert capsys.readouterr().out == ""


def test_captions_that_do_not_divide_among_the_pictures_are_refused(tmp_path: Path) -> None:
    _write(tmp_path / "train" / "filenames.pickle", ["a", "b"])
    _jpeg(tmp_path / "images" / "a.jpg")
    with pytest.raises(DataError, match=r"captions in .*: got none, expected text/ or captions\.pickle"):
        open_dataset(tmp_path)
    _write(tmp_path / "captions.pickle", [[[1], [1], [1]], [], {0: "<end>", 1: "x"}, {}])
    with pytest.raises(DataError, match="got 3 captions of 2 pictures"):
        open_dataset(tmp_path)


@pytest.mark.parametrize("gone", ["bounding_boxes.txt", "images.txt"])
def test_birds_without_their_boxes_are_refused(birds: Path, gone: str) -> None:
    (birds / "CUB_200_2011" / gone).unlink()
    with pytest.raises(DataError, match=f"no file .*{gone}"):
        open_dataset(birds)


def test_pictures_that_are_nowhere_are_refused_with_where_they_could_be(tmp_path: Path) -> None:
    _write(tmp_path / "train" / "filenames.pickle", ["a"])
    _texts(tmp_path, "a", ["a"])
    with pytest.raises(DataError, match="expected one of CUB_200_2011/images, images, oxford-102-flowers/images"):
        open_dataset(tmp_path)
