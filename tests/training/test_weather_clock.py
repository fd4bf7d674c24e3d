"""A clock that jumps by a year, back and forth, changes neither weights nor rates nor which checkpoints stay."""

import json
import re
from pathlib import Path

import pytest

from ..plates import write_plates
from .test_killed import digests
from .weather import LONG, again, done, plugin, train

pytestmark = pytest.mark.slow

# whoever asks for the time is told of another year each time
JUMPING = r"""import itertools, os, sys, time

assert not {"torch", "tqdm"} & set(sys.modules), "they have taken the clock already"
true, asked = time.time, itertools.count()

def jumping():
    answer = true() + (next(asked) % 3 - 1) * 365 * 86400
    with open(os.environ["ASKED"], "a") as file:
        file.write(f"{answer}\n")
    return answer

time.time = jumping

"""


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_plates(tmp_path_factory.mktemp("data") / "plates")


def test_a_clock_that_jumps_by_years(data: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    out, asked = tmp_path / "run", tmp_path / "asked"
    monkeypatch.setenv("ASKED", str(asked))
    jumping = plugin(tmp_path / "jumping.py", JUMPING)
    err = done(train(out, data, "--keep", 2, steps=20, every=4, before=jumping))
    err += done(again(out, "--steps", 36, "--keep", 2, "--checkpoint-every", 4, before=jumping))
    asked_by = [float(line) for line in asked.read_text().splitlines()]
    assert len(asked_by) > 3 and max(asked_by) - min(asked_by) > 300 * 86400, "somebody asked the jumping clock"
    assert [path.name for path in sorted((out / "checkpoints").iterdir())] == ["step-00000032", "step-00000036"]
    rows = [json.loads(line) for line in (out / "metrics.jsonl").read_text().splitlines()]
    seconds = [row["seconds"] for row in rows]
    assert [row["step"] for row in rows] == [10, 20, 30, 36]
    assert seconds == sorted(seconds) and 0 < seconds[-1] < 600
    assert all(0.01 < row["images_per_second"] < 1e6 and 0 <= row["wait_share"] <= 1 for row in rows)
    bars = re.findall(r"(\d+)/\d+ \[(\S+)<(\S+),", err)
    assert {"20", "36"} <= {step for step, _, _ in bars}, err
    for _, elapsed, left in bars:
        assert re.fullmatch(r"0\d:\d\d", elapsed) and re.fullmatch(r"0\d:\d\d|\?", left), err
    done(train(tmp_path / "undisturbed", data, steps=36, every=LONG))
    assert digests(out) == digests(tmp_path / "undisturbed")
