#!/usr/bin/env bash
# Runs clang-tidy 14 (.clang-tidy) on the C++ sources that differ from BASE (default: main), with the flags of the clang preset.
#   tools/tidy.sh [BASE]        the clang preset must be configured
set -euo pipefail
cd "$(dirname "$0")/.."

base=$(git merge-base "${1:-main}" HEAD 2>/dev/null || git rev-parse HEAD)
mapfile -t changed < <({ git diff --name-only --diff-filter=d "$base"; git ls-files --others --exclude-standard; } | grep '\.cc$' | sort -u)
files=()
for file in ${changed[@]+"${changed[@]}"}; do
  # A file that is not part of the clang build (another architecture's variant) has no flags to check it with.
  if grep -qF "/$file\"" build/clang/compile_commands.json; then files+=("$file"); fi
done
if [ ${#files[@]} -eq 0 ]; then
  echo "tidy: no C++ source differs from ${1:-main}"
  exit 0
fi
echo "tidy: ${#files[@]} files"
printf '%s\0' "${files[@]}" | xargs -0 -n 1 -P "$(nproc)" clang-tidy-14 -p build/clang --quiet --warnings-as-errors='*'
