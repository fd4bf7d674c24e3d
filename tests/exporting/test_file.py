"""Every format draws what the generator draws, in any batch, and says what it is; nothing half-made is left."""

import errno
from pathlib import Path
from typing import NamedTuple

import attrs
import pytest
import torch

from rat_modules.errors import RatError
from rat_modules.exporting.file import COUNTS, Exported, export_file
from rat_modules.exporting.formats import FORMATS, Format
from rat_modules.exporting.subject import Subject

from . import models

KINDS = [
    *(pytest.param(("onnx", precision), marks=models.onnx_there) for precision in ("float32", "float16")),
    *(("torch-export", precision) for precision in ("float32", "float16")),
    # what is compiled is the program of the two before
    pytest.param(("aot", "float32"), marks=[models.compiler_there, pytest.mark.slow]),
]


class File(NamedTuple):
    """A file, what it was made from, and what was told of it."""

    subject: Subject
    form: Format
    path: Path
    made: Exported


@pytest.fixture(scope="module", params=KINDS, ids="-".join)
def written(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> File:
    form, precision = request.param
    torch.manual_seed(0)
    subject = models.small_subject(precision)
    path = tmp_path_factory.mktemp(form) / f"small{FORMATS[form].SUFFIX}"
    return File(subject, FORMATS[form], path, export_file(subject, form, path))


def test_a_file_draws_the_same_in_any_batch(written: File) -> None:
    subject, form, path, made = written
    half = subject.facts["precision"] == "float16"
    assert (made.difference.rounded > 0) == half
    run = form.opened(path)
    for count in (1, 3, 33):
        noise, sentence = subject.inputs(count, seed=11)
        got, original = run(noise, sentence), subject.generator(noise, sentence)
        assert got.std() > 0.1, "pictures of one grey would prove nothing"
        torch.testing.assert_close(got, subject.module(noise, sentence), atol=1e-4, rtol=0)
        torch.testing.assert_close(got, original, atol=0.03 if half else 1e-4, rtol=0)


def test_a_file_says_what_it_is(written: File) -> None:
    subject, form, path, _ = written
    facts = form.facts(path)
    assert subject.facts.items() <= facts.items()
    assert facts["value_range"] == "0.85" and facts["text_encoder"] == "wordllama"
    assert 'name = "ratgan-tiny"' in facts["recipe"]


def test_a_file_is_alone_and_names_no_place_of_this_machine(written: File) -> None:
    _, form, path, made = written
    assert list(path.parent.iterdir()) == [path] and made.size == path.stat().st_size
    if form is not FORMATS["aot"]:  # a compiler's own output names the headers that it read
        assert str(Path(__file__).parents[2]).encode() not in path.read_bytes()


def test_latencies_are_of_one_and_sixteen_pictures(written: File) -> None:
    assert tuple(written.made.seconds) == COUNTS == (1, 16)
    assert all(0 < seconds < 5 for seconds in written.made.seconds.values())


@models.onnx_there
def test_half_the_bytes(tmp_path: Path) -> None:
    sizes = {}
    for precision in ("float32", "float16"):
        subject = models.small_subject(precision, **{"generator.width": 16, "controller.hidden_dim": 64})
        FORMATS["onnx"].write(subject, tmp_path / f"{precision}.onnx")
        sizes[precision] = (tmp_path / f"{precision}.onnx").stat().st_size
    assert sizes["float16"] < 0.65 * sizes["float32"]


def other(subject: Subject) -> Subject:
    """The same subject with a generator that draws a little otherwise than its original."""
    twin = models.small_subject()
    twin.module.load_state_dict(subject.module.state_dict())
    with torch.no_grad():
        twin.module.to_image.bias += 1e-3
    return twin


@pytest.mark.parametrize("form", ["torch-export"])
def test_a_file_that_draws_otherwise_is_not_left(tmp_path: Path, form: str, monkeypatch: pytest.MonkeyPatch) -> None:
    right = FORMATS[form]
    monkeypatch.setattr(right, "write", lambda subject, path, write=right.write: write(other(subject), path))
    with pytest.raises(RatError, match=r"otherwise than the generator: got a difference of 0\.00"):
        export_file(models.small_subject(), form, tmp_path / f"small{right.SUFFIX}")
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("form", ["onnx", "torch-export", "aot"])
def test_a_full_disk_leaves_nothing(tmp_path: Path, form: str, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(subject: Subject, path: Path) -> None:
        path.write_bytes(b"half a fi")
        raise OSError(errno.ENOSPC, "No space left on device", str(path))

    monkeypatch.setattr(FORMATS[form], "check", lambda: None)
    monkeypatch.setattr(FORMATS[form], "write", full)
    with pytest.raises(OSError, match="No space left"):
        export_file(models.small_subject(), form, tmp_path / f"small{FORMATS[form].SUFFIX}")
    assert list(tmp_path.iterdir()) == []


def test_what_cannot_be_written_is_refused(tmp_path: Path) -> None:
    subject = models.small_subject()
    with pytest.raises(RatError, match=r"format: got 'jpeg', expected one of onnx, torch-export, aot"):
        export_file(subject, "jpeg", tmp_path / "small.jpeg")
    with pytest.raises(RatError, match=r"--out of format 'onnx': got small.pt2, expected a name that ends in .onnx"):
        export_file(subject, "onnx", tmp_path / "small.pt2")
    assert list(tmp_path.iterdir()) == []


def test_the_caller_keeps_its_generator() -> None:
    assembly = models.small()
    assembly.generator.train()
    before = {name: weight.clone() for name, weight in assembly.generator.state_dict().items()}
    found = models.subject(assembly, "float16")
    assert found.generator is not assembly.generator and assembly.generator.training
    assert all(torch.equal(weight, before[name]) for name, weight in assembly.generator.state_dict().items())
    assert all(weight.requires_grad for weight in assembly.generator.parameters())
    with pytest.raises(RatError, match="a model without a generator"):
        models.subject(attrs.evolve(assembly, generator=None), "float32")
