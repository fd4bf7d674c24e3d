#!/usr/bin/env bash
# How these weights were made, from the shards beside this file: three trainings, each from the weights of the one before,
# then every model that they kept is measured, and the last one drawn. On one thread of a CPU about four hours. A second
# call goes on where the first one was stopped. OUT=folder; SHORT=3 for three steps of each, to try it.
set -euo pipefail
here="$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)"
out="${OUT:-runs/emoji}"
export OMP_NUM_THREADS="${OMP_NUM_THREADS:-1}"
part() {  # NAME STEPS, and what else to say
    local name="$1" steps="${SHORT:-$2}" last
    last="$out/$name/checkpoints/step-$(printf %08d "$steps")"
    [ -d "$last" ] || rat-modules train --recipe "$here/$name.toml" --data "$here/shards" --out "$out/$name" --resume \
        --steps "$steps" --checkpoint-every "${SHORT:-500}" --keep 100 "${@:3}"
}
part noto 10011
part noto-augmented 11500 --from "$out/noto"
part noto-falling 6000 --from "$out/noto-augmented"
python "$here/measure.py" "$out/noto" "$out/noto-augmented" "$out/noto-falling" --matcher "$here/matcher.safetensors" \
    --page "${PAGE:-$here}"
