"""What the retrofit benchmark says of its figures: no sign where the turns differ by as much."""

import os
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[2]

# in a process of its own: the script takes `conftest` for that of the benchmarks
ASKED = """
import retrofit
print(retrofit.difference(0.07, 0.02), retrofit.difference(-0.09, 0.05), retrofit.difference(-0.09, 0.11), sep="|")
found = retrofit.costs([1.0, 2.0, 4.0, 1.0, 2.0], [1.1, 2.4, 4.4, 1.0, 2.6])
print(*(f"{value:.3f}" for value in found), sep="|")
"""


def test_a_difference_is_told_by_the_turns_and_their_spread() -> None:
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join([str(ROOT), str(ROOT / "benchmarks")])}
    done = subprocess.run([sys.executable, "-c", ASKED], capture_output=True, text=True, env=environment, check=False)
    assert done.returncode == 0, done.stderr
    # ratios 0, 0.1, 0.1, 0.2 and 0.3; the medians of the times alone would say 0.2
    assert done.stdout.splitlines() == ["+7%|-9%|within the spread", "2000.000|2400.000|0.100|0.100"]
