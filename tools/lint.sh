#!/usr/bin/env bash
# lint.sh [BUILD_DIR]: formatting of every C++ and CUDA file, shell scripts, headers that stand alone, clang-tidy on
# the sources of the library, the readers and the command (by BUILD_DIR/compile_commands.json). Run from the root.
set -euo pipefail
build=${1:-build}

mapfile -t files < <(git ls-files '*.h' '*.cpp' '*.cu' '*.cuh')
clang-format --dry-run -Werror "${files[@]}"
echo "format: ${#files[@]} files"

mapfile -t scripts < <(git ls-files '*.sh' .ci/run)
shellcheck "${scripts[@]}"
echo "shellcheck: ${#scripts[@]} files"

tools/check_headers.sh

mapfile -t sources < <(git ls-files 'src/*.cpp' 'datasets/*.cpp' 'cli/*.cpp')
mapfile -t compiled < <(for s in "${sources[@]}"; do grep -qF "$PWD/$s\"" "$build/compile_commands.json" && echo "$s"; done)
printf '%s\n' "${compiled[@]}" | xargs -n1 -P"$(nproc)" clang-tidy --quiet -p "$build" 2> >(grep -v 'warnings generated' >&2)
echo "clang-tidy: ${#compiled[@]} files"
