#!/usr/bin/env bash
# `make gpu`: CUDA tests, benchmarks, then training as time allows, with the python3 that already has torch.
# Results under OUT: device.json, tests.xml, kernels.xml, results.json and REPORT.md of the benchmarks, train.log, run/.
# No virtual environment is built; small packages that python3 lacks go to OUT/packages (from the folder WHEELS where
# there is no network), torch never does.
set -uo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."
PYTHON=${PYTHON:-python3}
OUT=${OUT:-out}
MINUTES=${MINUTES:-5}
DEVICE=${DEVICE:-cuda}
mkdir -p "$OUT"
export PYTHONPATH="$PWD:$OUT/packages${PYTHONPATH:+:$PYTHONPATH}"

"$PYTHON" - "$DEVICE" <<'PY' || exit 2
import sys
try:
    import torch
except ImportError:
    sys.exit("error: this python3 has no torch: make gpu PYTHON=/path/to/python3")
if sys.argv[1] == "cuda" and not torch.cuda.is_available():
    sys.exit("error: torch sees no CUDA device here; `make bench` times the CPU")
PY

missing=$("$PYTHON" - <<'PY'
from importlib.util import find_spec
needs = {"attrs": "attr", "cattrs": "cattrs", "click": "click", "einops": "einops", "numpy": "numpy", "pillow": "PIL",
         "pluggy": "pluggy", "pytest": "pytest", "pytest-benchmark": "pytest_benchmark", "hypothesis": "hypothesis",
         "safetensors": "safetensors", "tomli-w": "tomli_w", "tqdm": "tqdm", "wordllama": "wordllama",
         "pydantic": "pydantic", "pydantic-core": "pydantic_core", "annotated-types": "annotated_types",
         "typing-inspection": "typing_inspection", "tokenizers": "tokenizers", "toml": "toml", "requests": "requests"}
print(*(name for name, module in needs.items() if find_spec(module) is None))
PY
)
if [ -n "$missing" ]; then
  echo "python3 lacks: $missing"
  from=()
  [ -n "${WHEELS:-}" ] && from=(--no-index --find-links "$WHEELS")
  # shellcheck disable=SC2086  # a list of names
  "$PYTHON" -m pip install --quiet --disable-pip-version-check --no-deps --target "$OUT/packages" \
    --constraint constraints.txt "${from[@]}" $missing ||
    echo "warning: some of these could not be installed; without a network, give a folder of wheels: make gpu WHEELS=folder"
fi

"$PYTHON" -m rat_modules doctor --json | tee "$OUT/device.json"
status=0
if [ "$DEVICE" = cuda ]; then marked=(-m cuda); else marked=(-m "not slow" -k "ops or layers"); fi
"$PYTHON" -m pytest tests "${marked[@]}" --junitxml="$OUT/tests.xml" || status=1
# the same kernels that the interpreter runs elsewhere, compiled
"$PYTHON" -m pytest tests/ops/kernels --junitxml="$OUT/kernels.xml" || status=1
# after nine minutes none is started, and one takes less than a minute
begun=$SECONDS
"$PYTHON" -m pytest benchmarks --benchmark-enable --benchmark-json="$OUT/results.json" --minutes=9 || status=1
echo "benchmarks took $((SECONDS - begun)) seconds"
if [ -s "$OUT/results.json" ]; then
  "$PYTHON" benchmarks/plots.py "$OUT/results.json" || echo "warning: no plots; they need matplotlib"
  "$PYTHON" benchmarks/report.py "$OUT/results.json" || status=1
fi

steps=${STEPS:-1000000}
rm -rf "$OUT/run"
timeout --signal=INT --kill-after=60 "${MINUTES}m" "$PYTHON" -m rat_modules train --recipe "${RECIPE:-ratgan-shapes}" \
  --data "${DATA:-shapes}" --out "$OUT/run" --steps "$steps" --device "$DEVICE" 2>&1 | tee "$OUT/train.log"
trained=${PIPESTATUS[0]}
# 124: the time was up, as planned
[ "$trained" = 0 ] || [ "$trained" = 124 ] || status=1
exit "$status"
