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

# Production code that people wrote.
mkdir -p "$tree/tests/cppcheck"
python3 - "$tree/compile_commands.json" "$tree/tests/cppcheck/compile_commands.json" "$root" <<'PYTHON'
import json, os, sys
source, target, root = sys.argv[1:]
folders = tuple(os.path.join(root, name, "") for name in ("service", "db", "cli", "proxy-stub", "idl", "examples"))
with open(source) as stream:
    entries = [entry for entry in json.load(stream) if entry["file"].startswith(folders)]
with open(target, "w") as stream:
    json.dump(entries, stream)
PYTHON
cppcheck --project="$tree/tests/cppcheck/compile_commands.json" --cppcheck-build-dir="$tree/tests/cppcheck" -j "$(nproc)" \
    "${options[@]}"
echo "cppcheck: nothing found"
