"""Results side by side: refused where anything that decides a number differs."""

import json
from itertools import permutations
from pathlib import Path
from typing import Any

import attrs
import pytest

from rat_modules.cli import main
from rat_modules.errors import RatError
from rat_modules.evaluation.result import Result, code_hash, compare, differences

RESULT = Result(
    protocol={
        "name": "emoji",
        "split": "test",
        "reference": {"pictures": 3, "sha256": "aa"},
        "features": {"name": "matcher", "sha256": "bb"},
        "seed": 0,
    },
    measures={"frechet": {}, "kernel-distance": {"subset_size": 500}},
    results={"frechet": {"distance": 1.5}, "kernel-distance": {"mean": 0.25, "std": 0.5}},
    data={"kind": "emoji"},
    model={"path": "runs/a"},
    measured_with={"torch": "2.13", "device": "cpu"},
)


def changed(**protocol: Any) -> Result:
    return attrs.evolve(RESULT, protocol={**RESULT.protocol, **protocol})


def test_what_is_written_is_read(tmp_path: Path) -> None:
    RESULT.write(tmp_path / "r.json")
    assert Result.read(tmp_path / "r.json") == attrs.evolve(RESULT, warnings=[])


@pytest.mark.parametrize(
    ("other", "told"),
    [
        (changed(seed=1), "seed: 0 | 1"),
        (changed(reference={"pictures": 3, "sha256": "ab"}), "reference.sha256: aa | ab"),
        (changed(features={"name": "matcher", "sha256": "cc"}), "features.sha256: bb | cc"),
        (changed(truncation="0.7"), "truncation: None | 0.7"),
        (
            attrs.evolve(RESULT, measures={"frechet": {}, "kernel-distance": {"subset_size": 100}}),
            "kernel-distance.subset_size: 500 | 100",
        ),
    ],
)
def test_another_protocol_is_refused_with_what_differs(other: Result, told: str) -> None:
    with pytest.raises(RatError, match="a and b do not compare") as refused:
        compare({"a": RESULT, "b": other})
    assert told in str(refused.value)


def test_every_result_that_has_a_measure_must_have_it_alike() -> None:
    bare = attrs.evolve(RESULT, measures={"frechet": {}}, results={"frechet": {"distance": 2.0}})
    other = attrs.evolve(RESULT, measures={"frechet": {}, "kernel-distance": {"subset_size": 100}})
    for order in permutations([bare, RESULT, other]):
        with pytest.raises(RatError, match=r"kernel-distance\.subset_size: (300|500|100) \| (300|500|100)"):
            compare(dict(zip("abc", order, strict=True)))


def test_a_measure_that_one_lacks_is_left_empty() -> None:
    fewer = attrs.evolve(RESULT, measures={"frechet": {}}, results={"frechet": {"distance": 2.0}})
    rows = compare({"a": RESULT, "b": fewer})
    assert rows[0] == {"measure": "frechet: distance", "a": 1.5, "b": 2.0}
    assert rows[1] == {"measure": "kernel-distance: mean", "a": 0.25, "b": None}


def test_every_place_where_two_differ_is_listed() -> None:
    assert differences({"a": {"b": 1, "c": 2}, "d": [1]}, {"a": {"b": 1, "c": 3}, "d": [2]}) == [
        "a.c: 2 | 3",
        "d: [1] | [2]",
    ]


def test_the_command(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    files = [tmp_path / f"{name}.json" for name in "abc"]
    RESULT.write(files[0])
    other = {"torch": "2.11", "device": "cpu"}
    attrs.evolve(RESULT, results={"frechet": {"distance": 2.5}}, measured_with=other).write(files[1])
    changed(split="train").write(files[2])
    words = [str(file) for file in files]
    assert main(["compare", *words[:2], "--json"]) == 0
    told = capsys.readouterr()
    assert json.loads(told.out)[0] == {"measure": "frechet: distance", words[0]: 1.5, words[1]: 2.5}
    assert told.err == "note: measured with different torch: 2.13, 2.11\n"
    assert main(["compare", *words]) == 2
    assert "split: test | train" in capsys.readouterr().err
    assert main(["compare", words[0], words[0]]) == 2
    assert "two or more different files" in capsys.readouterr().err
    whole = json.loads(RESULT.as_json())
    for content, why in (
        ("{}", "no 'protocol' in it"),
        ("[", "no JSON: Expecting value"),
        ("[1]", "no table"),
        (json.dumps({**whole, "results": {"frechet": 3}}), "no numbers by name"),
        (json.dumps({**whole, "results": {}}), "no numbers, or some that are not finite"),
        (json.dumps({**whole, "results": {"frechet": {"distance": float("nan")}}}), "that are not finite"),
        (json.dumps({**whole, "results": {"frechet": {"distance": "1"}}}), "no numbers, or"),
    ):
        files[1].write_text(content)
        assert main(["compare", *words[:2]]) == 2
        told = capsys.readouterr()
        assert "b.json: got " in told.err and why in told.err
        assert told.err.count("\n") == 1 and "Error(" not in told.err


def test_the_hash_of_the_code_tells_other_code(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    before = code_hash()
    tmp_path.joinpath("__init__.py").write_text("")
    monkeypatch.setattr("rat_modules.__file__", str(tmp_path / "__init__.py"))
    found = []
    for text in ("a = 1", "a = 2"):
        tmp_path.joinpath("b.py").write_text(text)
        code_hash.cache_clear()
        found.append(code_hash())
    code_hash.cache_clear()
    assert len({before, *found}) == 3 and len(before) == 16
