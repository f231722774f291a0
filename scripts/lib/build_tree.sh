#!/bin/bash
# build_tree.sh PRESET [TARGET...] - configures build/PRESET when that is needed, and builds it. For scripts/lib/build.sh.
set -euo pipefail
cd "$(dirname "$0")/../.."

preset=$1
shift
tree=build/$preset

# CMake notices changes of its own files at building, but not those of the presets.
if [ ! -f "$tree/build.ninja" ] || [ CMakePresets.json -nt "$tree/configured" ]; then
    cmake --preset "$preset"
    touch "$tree/configured"
fi

targets=()
[ $# -eq 0 ] || targets=(--target "$@")
cmake --build "$tree" "${targets[@]}"
