#!/usr/bin/env bash
# Replays the seed corpus of every fuzz target of build/fuzz, then fuzzes each target for some seconds.
#   tools/fuzz.sh [SECONDS]     SECONDS for each target, default 30; 0 only replays
# New inputs grow in build/fuzz/corpus/NAME, findings are left in build/fuzz/findings. The last line is "fuzz: N passed, M failed".
set -euo pipefail
cd "$(dirname "$0")/.."
seconds=${1:-30}

passed=0
failed=0
run_case() {  # run_case NAME COMMAND...: counts one result, shows the output of a failure
  local name=$1 output
  shift
  if output=$("$@" 2>&1); then
    passed=$((passed + 1))
    echo "passed: $name: $(grep -oE '(Executed|Done) .*' <<<"$output" | tail -n 1 || true)"
  else
    failed=$((failed + 1))
    printf '%s\nFAILED: %s\n' "$output" "$name"
  fi
}

mkdir -p build/fuzz/findings
for program in build/fuzz/bin/fuzz_*; do
  [ -x "$program" ] || continue
  name=${program##*/fuzz_}
  seeds=fuzz/corpus/$name
  # The allocation limit is a test of its own: no input may make the program believe a length it claims.
  limits=(-timeout=10 -rss_limit_mb=2048 -malloc_limit_mb=256 -artifact_prefix=build/fuzz/findings/"$name"-)
  if [ -d "$seeds" ]; then
    run_case "$name: $(find "$seeds" -type f | wc -l) seeds" "$program" "${limits[@]}" -runs=0 "$seeds"
  fi
  if [ "$seconds" -gt 0 ]; then
    grown=build/fuzz/corpus/$name
    mkdir -p "$grown"
    options=(-max_total_time="$seconds" -max_len=65536 -print_final_stats=0)
    [ ! -f "fuzz/$name.dict" ] || options+=(-dict="fuzz/$name.dict")
    inputs=("$grown")
    [ ! -d "$seeds" ] || inputs+=("$seeds")
    run_case "$name: $seconds s" "$program" "${limits[@]}" "${options[@]}" "${inputs[@]}"
  fi
done
echo "fuzz: $passed passed, $failed failed"
[ "$failed" -eq 0 ]
