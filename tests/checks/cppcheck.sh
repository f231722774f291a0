#!/bin/bash
# cppcheck.sh TREE - runs cppcheck over the production files that a build tree compiles (TREE/compile_commands.json).
set -euo pipefail

tree=$1
root=$(cd "$(dirname "$0")/../.." && pwd -P)
cd "$root"

options=("--enable=warning,performance,portability" --std=c11 --inline-suppr --quiet --template=gcc --error-exitcode=1)
# Libraries' headers are not read, so what they would define is not there.
options+=(--suppress=missingIncludeSystem --suppress=preprocessorErrorDirective)
if grep -q -- -D_WIN32_WINNT "$tree/compile_commands.json"; then
    options+=(--platform=win64 --library=windows)
else
    options+=(--platform=unix64)
fi

mkdir -p "$tree/tests/cppcheck"
cppcheck --project="$tree/compile_commands.json" --cppcheck-build-dir="$tree/tests/cppcheck" -j "$(nproc)" \
    "${options[@]}" -i "$root/build" -i "$root/tests"
echo "cppcheck: nothing found"
