#!/bin/bash
# Serves handwritten digits with live weights while a second process plays the trainer and pushes the twelve checkpoints
# of a training run over a Unix socket.
#   demo.sh BUILD [option of `midstream online` ...]
# DEMO_EVERY: seconds between two checkpoints (0.7). Ends with 0 when all twelve were taken, and leaves no process
# and no file behind whatever happens.
set -uo pipefail

build=$1
shift
root=$(cd "$(dirname "$0")/.." && pwd)
digits=$root/tests/data/digits/mnist_deep_model.ckpt
steps=(0 25 50 75 100 150 200 300 500 1000 2000 4000)

scratch=$(mktemp -d "${TMPDIR:-/tmp}/midstream-demo-XXXXXX") || exit 1
processes=()
finish() {
  local status=$?
  trap - EXIT INT TERM
  [[ ${#processes[@]} -eq 0 ]] || kill "${processes[@]}" 2>/dev/null
  wait
  rm -rf "$scratch"
  exit "$status"
}
trap finish EXIT
trap 'exit 130' INT
trap 'exit 143' TERM

"$build/bin/midstream" online "$digits-0" --config "$root/configs/online.toml" --output accuracy/ArgMax --batch 16 \
  --images "$root/tests/data/digits/eval_images.npy" --labels "$root/tests/data/digits/eval_labels.npy" \
  --listen "$scratch/weights.sock" --updates ${#steps[@]} "$@" &
processes+=($!)

"$build/bin/midstream" push "$scratch/weights.sock" "${steps[@]/#/$digits-}" --wait 60 --every "${DEMO_EVERY:-0.7}" \
  >"$scratch/trainer.log" 2>&1 &
processes+=($!)

# Whichever ends first: the other one has nothing to wait for when it failed.
for _ in "${processes[@]}"; do
  wait -n
  status=$?
  if [[ $status -ne 0 ]]; then
    cat "$scratch/trainer.log" >&2
    exit "$status"
  fi
done
