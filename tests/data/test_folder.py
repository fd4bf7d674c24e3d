"""A folder as people have it: every picture is used, or its name and the reason are told."""

import csv
import json
import os
import threading
import tracemalloc
from pathlib import Path

import pytest
import torch
from PIL import Image

from rat_modules.data import CaptionedImages, open_dataset
from rat_modules.data.captioned_files import MOST_LOST
from rat_modules.data.check import check_folder
from rat_modules.data.folder import ImageFolder, hashed_split
from rat_modules.errors import DataError


def _picture(path: Path, colour: str = "red", size: tuple[int, int] = (24, 20)) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.new("RGB", size, colour).save(path)
    return path


def _pair(path: Path, caption: str | bytes, colour: str = "red") -> Path:
    _picture(path, colour)
    path.with_suffix(".txt").write_bytes(caption if isinstance(caption, bytes) else caption.encode())
    return path


def _said(folder: ImageFolder) -> dict[str, tuple[str, ...]]:
    return {folder.item(index).file.name: folder.captions(index) for index in range(len(folder))}


def test_text_files_beside_pictures_in_subfolders(tmp_path: Path) -> None:
    _pair(tmp_path / "a.png", "a red card\n\n  another   line \n...\n")
    _pair(tmp_path / "deep" / "er" / "B.JPG", b"\xef\xbb\xbfwith a mark\r\nof bytes", "blue")
    _pair(tmp_path / "deep" / "dot.ted.webp", "caf\u00e9 \U0001f600")
    (tmp_path / "notes.txt").write_text("about the folder")
    _pair(tmp_path / ".hidden" / "h.png", "hidden")
    _pair(tmp_path / "._a.png", "litter")
    folder = ImageFolder(tmp_path, image_size=16)
    assert isinstance(folder, CaptionedImages)
    assert _said(folder) == {
        "a.png": ("a red card", "another line"),
        "B.JPG": ("with a mark", "of bytes"),
        "dot.ted.webp": ("caf\u00e9 \U0001f600",),
    }
    assert folder.skipped == [] and folder.name == tmp_path.name
    index = list(_said(folder)).index("B.JPG")
    assert folder.image(index)[:, 8, 8].tolist() in ([0, 0, 254], [0, 0, 255])
    assert torch.equal(folder[index][0], folder.image(index))


def test_only_the_first_line(tmp_path: Path) -> None:
    _pair(tmp_path / "a.png", "\nA yak.\naf.utf8='n Jak.\n")
    assert ImageFolder(tmp_path, captions="first").captions(0) == ("A yak.",)


def test_metadata_jsonl_names_pictures_in_any_subfolder(tmp_path: Path) -> None:
    for name in ("images/a.png", "images/b.png", "c.png", "images/listed.png"):
        _picture(tmp_path / name)
    (tmp_path / "images/listed.png").rename(tmp_path / "images/listed.data")
    rows = [
        {"file_name": "images/a.png", "text": "a \u2028 red card"},
        {"file_name": "images/b.png", "caption": ["one", "two"]},
        {"file_name": "images/listed.data", "text": "no suffix of a picture"},
        {"file_name": "images/gone.png", "text": "gone"},
        {"file_name": "../outside.png", "text": "outside"},
        {"file_name": "c.png", "text": ""},
        {"text": "nameless"},
        {"file_name": "c.png", "text": 5},
        {"file_name": "c.png", "text": ["half of", "a \ud83d pair"]},
    ]
    _picture(tmp_path.parent / "outside.png")
    lines = [*(json.dumps(row, ensure_ascii=False) for row in rows[:-1]), json.dumps(rows[-1])]
    (tmp_path / "metadata.jsonl").write_text("\n".join([*lines, "{broken", "[1]", ""]), encoding="utf-8")
    folder = ImageFolder(tmp_path)
    assert _said(folder) == {
        "a.png": ("a", "red card"),
        "b.png": ("one", "two"),
        "listed.data": ("no suffix of a picture",),
    }
    reasons = sorted(reason.split(":")[0] for _, reason in folder.skipped)
    assert reasons == sorted(
        [
            *["no such file in this folder"] * 2,
            *["no caption"] * 2,
            "no file_name",
            *["caption is not text"] * 2,
            "not JSON",
            "not a JSON object",
        ]
    )


def test_metadata_csv_goes_before_text_files(tmp_path: Path) -> None:
    _pair(tmp_path / "a.png", "from the text file")
    _pair(tmp_path / "b.png", "only in the text file")
    with (tmp_path / "metadata.csv").open("w", newline="", encoding="utf-8") as file:
        csv.writer(file).writerows([["file_name", "extra", "text"], ["a.png", "1", 'a "red", card\nin two lines']])
    assert _said(ImageFolder(tmp_path)) == {
        "a.png": ('a "red", card', "in two lines"),
        "b.png": ("only in the text file",),
    }


@pytest.mark.parametrize("place", [0, 1, 2])
@pytest.mark.parametrize(
    ("broken", "reason"),
    [('c.png,"an open quote', "unexpected end of data"), ('c.png,"a "single quote"', "',' expected after")],
)
def test_a_quote_too_many_takes_no_other_row_along(tmp_path: Path, broken: str, reason: str, place: int) -> None:
    for name in "abc":
        _picture(tmp_path / f"{name}.png")
    rows = ["b.png,blue", "a.png,a 12 inch pipe"]
    rows.insert(place, broken)
    (tmp_path / "metadata.csv").write_text("\n".join(["file_name,caption", *rows]) + "\n")
    folder = ImageFolder(tmp_path)
    assert _said(folder) == {"a.png": ("a 12 inch pipe",), "b.png": ("blue",)}
    told = {Path(file).name: why for file, why in folder.skipped}
    assert set(told) == {f"metadata.csv:{place + 2}", "c.png"}
    assert f"not CSV: {reason}" in told[f"metadata.csv:{place + 2}"]


def test_quotes_behind_an_open_one_are_read(tmp_path: Path) -> None:
    for name in "abc":
        _picture(tmp_path / f"{name}.png")
    lines = ["file_name,extra,caption", 'c.png,1,"open', "", 'a.png,"in', 'two, lines","a 12"" pipe"']
    lines.append("b.png,2,blue,more")
    (tmp_path / "metadata.csv").write_text("\r\n".join(lines))
    assert _said(ImageFolder(tmp_path)) == {"a.png": ('a 12" pipe',), "b.png": ("blue",)}


def test_a_table_without_the_columns_or_of_another_encoding_is_refused(tmp_path: Path) -> None:
    _picture(tmp_path / "a.png")
    table = tmp_path / "metadata.csv"
    table.write_text("name,words\na.png,hello\n")
    with pytest.raises(DataError, match="got name, words, expected file_name and one of text, caption"):
        ImageFolder(tmp_path)
    table.write_text("file_name,text\na.png,caf\u00e9\n", encoding="latin-1")
    with pytest.raises(DataError, match=r"metadata\.csv is not UTF-8.*convert it.*iconv -f latin1"):
        ImageFolder(tmp_path)


def test_what_cannot_be_used_is_left_out_and_told(tmp_path: Path) -> None:
    _pair(tmp_path / "good.png", "good")
    _pair(tmp_path / "latin.png", "caf\u00e9".encode("latin-1"))
    _pair(tmp_path / "utf16.png", "caf\u00e9".encode("utf-16"))
    _pair(tmp_path / "blank.png", " \n ... \n")
    _picture(tmp_path / "alone.png")
    _pair(tmp_path / "cut.png", "cut").write_bytes((tmp_path / "good.png").read_bytes()[:40])
    folder = ImageFolder(tmp_path)
    assert len(folder) == 1
    told = {Path(file).name: reason for file, reason in folder.skipped}
    assert told.pop("cut.png").startswith("cannot be decoded: ")
    convert = "caption file is not UTF-8: convert it, for example with iconv -f"
    assert told == {
        "latin.png": f"{convert} latin1 -t utf-8",
        "utf16.png": f"{convert} utf-16 -t utf-8",
        "blank.png": "empty caption",
        "alone.png": "no caption",
    }


def test_a_name_that_is_not_utf8_is_left_out_and_told(tmp_path: Path) -> None:
    _pair(tmp_path / "good.png", "good")
    content = (tmp_path / "good.png").read_bytes()
    nameless = os.fsdecode(os.fsencode(tmp_path) + b"/\xff\xfe")
    try:
        Path(f"{nameless}.png").write_bytes(content)
    except OSError:
        pytest.skip("this file system refuses such names")
    Path(f"{nameless}.txt").write_text("bad name")
    folder = ImageFolder(tmp_path, split="all")
    assert _said(folder) == {"good.png": ("good",)}
    assert folder.skipped == [(f"{nameless}.png", "file name is not UTF-8")]
    report = check_folder(tmp_path)
    assert report.reasons() == {"file name is not UTF-8": 1} and "\\udcff" in str(report).encode().decode()


def _pipe(path: Path) -> None:
    if not hasattr(os, "mkfifo"):
        pytest.skip("no named pipes here")
    os.mkfifo(path)
    # whoever reads it all the same finds it empty, instead of hanging the suite
    threading.Thread(target=path.write_bytes, args=(b"",), daemon=True).start()


def test_pipes_are_left_out_instead_of_waited_for(tmp_path: Path) -> None:
    _pair(tmp_path / "good.png", "good")
    _picture(tmp_path / "waiting.png")
    _pipe(tmp_path / "waiting.txt")
    _pipe(tmp_path / "pipe.png")
    (tmp_path / "pipe.txt").write_text("a pipe")
    told = {Path(file).name: reason for file, reason in ImageFolder(tmp_path).skipped}
    assert told == {
        "waiting.png": "caption file is not a regular file",
        "pipe.png": "cannot be decoded: not a regular file",
    }
    _pipe(tmp_path / "metadata.csv")
    with pytest.raises(DataError, match=r"metadata\.csv: got a pipe or a device, expected a regular file"):
        ImageFolder(tmp_path)


def test_nothing_usable_is_refused_with_the_first_reason(tmp_path: Path) -> None:
    _pair(tmp_path / "latin.png", "caf\u00e9".encode("latin-1"))
    (empty := tmp_path / "empty").mkdir()
    with pytest.raises(DataError, match=r"no usable picture: got 1 left out.*latin\.png.*not UTF-8"):
        ImageFolder(tmp_path)
    with pytest.raises(DataError, match="got none, expected files ending in"):
        ImageFolder(empty)
    with pytest.raises(DataError, match="no folder"):
        ImageFolder(tmp_path / "nowhere")


def test_a_picture_lost_while_training_gives_way_with_its_captions(tmp_path: Path) -> None:
    for name, colour in (("a", "red"), ("b", "blue"), ("c", "lime")):
        _pair(tmp_path / f"{name}.png", name, colour)
    folder = ImageFolder(tmp_path, image_size=4)
    (tmp_path / "b.png").write_bytes(b"lost")
    assert folder.image(1)[:, 0, 0].tolist() == [0, 255, 0]
    assert folder.captions(1) == ("c",) and folder.concept(1) == "c" and folder.captions(0) == ("a",)
    assert len(folder) == 3 and [Path(file).name for file, _ in folder.skipped] == ["b.png"]
    assert folder.image(-1).shape == (3, 4, 4)
    with pytest.raises(IndexError):
        folder.image(3)
    for name in "ac":
        (tmp_path / f"{name}.png").unlink()
    with pytest.raises(DataError, match="no usable picture"):
        folder.image(0)


def test_many_pictures_lost_one_after_the_other_end_it(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    for number in range(MOST_LOST + 20):
        _pair(tmp_path / f"{number:04d}.png", f"number {number}")
    folder = ImageFolder(tmp_path, image_size=4)
    for number in range(5, MOST_LOST + 10):
        (tmp_path / f"{number:04d}.png").unlink()
    with pytest.raises(DataError, match=rf"{MOST_LOST} pictures one after the other lost: got .*--resume"):
        folder.read(5)
    assert len(caplog.records) == MOST_LOST and folder.read(4)[1] == 4


def test_pictures_with_the_same_caption_show_the_same_concept(tmp_path: Path) -> None:
    for name, caption in (("a", "A cat."), ("b", "a cat."), ("c", "a dog.")):
        _pair(tmp_path / f"{name}.png", caption)
    folder = ImageFolder(tmp_path)
    assert folder.concept(0) == folder.concept(1) != folder.concept(2)


def test_hashed_splits_cover_all_and_stay_when_pictures_are_added(tmp_path: Path) -> None:
    for number in range(120):
        _pair(tmp_path / f"{number}.png", f"number {number}")
    before = {split: set(_said(ImageFolder(tmp_path, image_size=1, split=split))) for split in ("train", "test")}
    assert before["train"].isdisjoint(before["test"]) and len(before["train"] | before["test"]) == 120
    assert 4 <= len(before["test"]) <= 22
    for number in range(120, 150):
        _pair(tmp_path / f"{number}.png", f"number {number}")
    after = set(_said(ImageFolder(tmp_path, image_size=1, split="test")))
    assert before["test"] <= after and not after & before["train"]
    assert len(ImageFolder(tmp_path, image_size=1)) == 150
    with pytest.raises(DataError, match="validation"):
        ImageFolder(tmp_path, split="validation")


def test_given_splits_are_taken(tmp_path: Path) -> None:
    _pair(tmp_path / "train" / "a.png", "a")
    _pair(tmp_path / "train" / "b.png", "b")
    _pair(tmp_path / "test" / "c.png", "c")
    assert len(ImageFolder(tmp_path, split="train")) == 2
    assert ImageFolder(tmp_path, split="test").captions(0) == ("c",)
    assert len(ImageFolder(tmp_path)) == 3
    assert ImageFolder.splits_in(tmp_path) == ["train", "test"]


def test_links_are_followed_and_circles_end(tmp_path: Path) -> None:
    elsewhere = tmp_path / "elsewhere"
    _pair(elsewhere / "a.png", "a")
    root = tmp_path / "root"
    root.mkdir()
    (root / "linked").symlink_to(elsewhere)
    (elsewhere / "back").symlink_to(root)
    folder = ImageFolder(root)
    assert len(folder) == 1 and folder.captions(0) == ("a",)


@pytest.mark.parametrize("wrong", [{"split": "val"}, {"captions": "last"}, {"fit": "stretch"}, {"image_size": 0}])
def test_wrong_options_are_refused(tmp_path: Path, wrong: dict[str, object]) -> None:
    _pair(tmp_path / "a.png", "a")
    with pytest.raises(DataError, match="expected"):
        ImageFolder(tmp_path, **wrong)  # type: ignore[arg-type]


def test_pictures_stay_in_their_files(tmp_path: Path) -> None:
    for number in range(30):
        _pair(tmp_path / f"{number}.png", f"number {number}")
        _picture(tmp_path / f"{number}.png", size=(600, 600))  # a megabyte each when decoded
    tracemalloc.start()
    folder = ImageFolder(tmp_path, image_size=256)
    for index in range(len(folder)):
        folder.image(index)
    held, _ = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert held < 2_000_000


def test_a_folder_is_opened_by_what_it_holds(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for number in range(3):
        _pair(tmp_path / "shapes" / f"{number}.png", "a")
    monkeypatch.chdir(tmp_path)
    assert type(open_dataset("./shapes", image_size=8, split="all")).__name__ == "ImageFolder"
    assert type(open_dataset("shapes", image_size=32)).__name__ == "Shapes"


@pytest.mark.parametrize(
    ("spec", "message"),
    [
        ("shape", "got 'shape', expected a folder .there is none at shape. or one of .*; did you mean 'shapes'"),
        ("released", "lies in a folder: got its name alone"),
        ("a.tar", "the file"),
        ("", r"data: got an empty name, expected a folder or one of .*; write \. for the current folder"),
    ],
)
def test_what_is_no_data_is_refused_with_what_was_looked_for(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, spec: str, message: str
) -> None:
    (tmp_path / "a.tar").write_bytes(b"")
    monkeypatch.chdir(tmp_path)
    with pytest.raises(DataError, match=message):
        open_dataset(spec)


def test_options_that_a_data_set_does_not_take_are_refused(tmp_path: Path) -> None:
    _pair(tmp_path / "a.png", "a")
    with pytest.raises(DataError, match=r"options of data set 'folder'.*colour"):
        open_dataset(tmp_path, colour="red")


def test_a_line_nested_too_deeply_is_counted_like_other_bad_lines(tmp_path: Path) -> None:
    _picture(tmp_path / "a.png")
    row = json.dumps({"file_name": "a.png", "text": "good"})
    (tmp_path / "metadata.jsonl").write_text("[" * 100_000 + "\n" + row)
    folder = ImageFolder(tmp_path)
    assert _said(folder) == {"a.png": ("good",)}
    ((place, reason),) = folder.skipped
    assert place.endswith("metadata.jsonl:1") and reason.startswith("not JSON: ")


@pytest.mark.parametrize("content", ["{broken", "[]", "{}", "[" * 100_000])
def test_a_mark_that_says_nothing_is_refused(tmp_path: Path, content: str) -> None:
    (tmp_path / "dataset.json").write_text(content)
    with pytest.raises(DataError, match=r"dataset\.json does not say what it is"):
        open_dataset(tmp_path)


def test_a_folder_whose_pictures_all_fall_to_the_other_side_names_the_rule(tmp_path: Path) -> None:
    name = next(name for name in map(str, range(200)) if hashed_split(name) == "test")
    _pair(tmp_path / f"{name}.png", "alone")
    with pytest.raises(DataError, match=r"all 1 fall to the other side.*hash of each name; put pictures"):
        ImageFolder(tmp_path, split="train")
