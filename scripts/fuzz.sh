#!/bin/bash
# Runs the libFuzzer programs of a build folder, FUZZ_SECONDS (600) each, JOBS at a time, and prints a table.
#   fuzz.sh BUILD [target ...]     without names: all
# What the fuzzer learns is kept in BUILD/corpus/<target> and used by the next run; the inputs of findings lie in
# BUILD/findings. Exits with 1 when there is a finding.
set -uo pipefail

build=$1
shift
seconds=${FUZZ_SECONDS:-600}
seeds=$(dirname "$0")/../tests/fuzz/corpus
export build seconds seeds

run_target() {
  local target=$1 log=$build/findings/$1.log learned=$build/corpus/$1
  mkdir -p "$learned" "$build/findings"
  rm -f "$build/findings/$target-"*
  # The limits are the promise: no input may take ten seconds or an allocation that its size does not explain.
  nice "$build/bin/fuzz_$target" -max_total_time="$seconds" -timeout=10 -rss_limit_mb=1024 -malloc_limit_mb=512 \
    -print_final_stats=1 -artifact_prefix="$build/findings/$target-" "$learned" "$seeds/$target" >"$log" 2>&1
  local status=$?
  local runs coverage inputs
  runs=$(sed -n 's/^stat::number_of_executed_units: *//p' "$log")
  coverage=$(grep -o 'cov: [0-9]*' "$log" | tail -1 | cut -d' ' -f2)
  inputs=$(grep -o 'corp: [^ ]*' "$log" | tail -1 | cut -d' ' -f2)
  printf '%-18s %12s runs  coverage %6s  corpus %-14s %s\n' "$target" "${runs:-?}" "${coverage:-?}" "${inputs:-?}" \
    "$([[ $status -eq 0 ]] && echo "no finding" || echo "FINDING: $log")"
  return $status
}
export -f run_target

targets=("$@")
if [[ ${#targets[@]} -eq 0 ]]; then
  for program in "$build"/bin/fuzz_*; do targets+=("${program##*/fuzz_}"); done
fi
# xargs exits with 123 when a run failed.
printf '%s\n' "${targets[@]}" | xargs -P "${JOBS:-$(nproc)}" -I{} bash -c 'run_target {}' || exit 1
