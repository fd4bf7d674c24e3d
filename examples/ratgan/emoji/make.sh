#!/usr/bin/env bash
# How these weights were made, from the shards beside this file: train, keep models on the way, measure and draw them.
# On one thread of a CPU about two hours. A second call goes on where the first one was stopped. OUT=folder, STEPS=number
set -euo pipefail
here="$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)"
out="${OUT:-runs/emoji}" steps="${STEPS:-11000}" every=$((${STEPS:-11000} / 20))
export OMP_NUM_THREADS="${OMP_NUM_THREADS:-1}"
rat-modules train --recipe "$here/noto.toml" --data "$here/shards" --out "$out" --resume --steps "$steps" \
    --checkpoint-every "$every" --keep 20
python "$here/measure.py" "$out" --matcher "$here/matcher.safetensors"
