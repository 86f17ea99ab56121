#!/bin/sh
# oclgrind.sh TEST_PROGRAM FILTER: runs the tests on oclgrind's device, which finds accesses out of bounds, data races
# and barriers that not all work-items reach. 77: skipped.
set -eu
if ! command -v oclgrind > /dev/null; then
  echo "skipped: oclgrind is not installed"
  exit 77
fi
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
# oclgrind itself may crash after the tests, when the process ends; so its exit status says nothing.
# Without -cl-opt-disable its compiler makes intrinsics that its interpreter does not know.
oclgrind --build-options -cl-opt-disable --data-races --log "$folder/faults" "$1" --gtest_filter="$2" > "$folder/out" 2>&1 || true
cat "$folder/out"
if ! grep -q '^\[  PASSED  \] [1-9]' "$folder/out" || grep -q '^\[  FAILED  \]' "$folder/out"; then
  echo "the tests failed under oclgrind"
  exit 1
fi
if [ -s "$folder/faults" ]; then
  head -c 20000 "$folder/faults"
  echo "oclgrind found faults"
  exit 1
fi
