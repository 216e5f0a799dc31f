#!/usr/bin/env bash
# check_headers.sh [CXX [public]]: compiles each header alone, from the root of the tree. Public headers see no
# include path but include/, so that they need no other library. public: those only.
set -euo pipefail
cxx=${1:-c++}

public=(include/gavotte/*.h include/gavotte/*/*.h)
if grep -nE '#include *[<"](cuda|torch|pybind11|nlohmann|open3d|ATen|hwy|libxsmm)' "${public[@]}"; then
  echo "a public header includes another library (above)"
  exit 1
fi
for header in "${public[@]}"; do
  grep -q '^#pragma once' "$header" || { echo "$header: no #pragma once"; exit 1; }
done

# compile_each FLAG... < names: each header as the one line of a source file, two at a time.
compile_each() {
  # shellcheck disable=SC2016  # the inner shell expands these
  xargs -P2 -I{} sh -c 'header=$1; shift; printf "#include \"%s\"\n" "$header" | "$@" -' sh {} \
    "$cxx" -std=c++20 -fsyntax-only -Wall -Wextra -Werror -x c++ -I . -I include "$@"
}
printf '%s\n' "${public[@]}" | compile_each
if [ "${2:-}" = public ]; then
  echo "${#public[@]} public headers stand alone"
  exit
fi

# Internal headers; those named *-inl.h are included once for each vector target and are no units.
mapfile -t internal < <(find src datasets cli bench -name '*.h' ! -name '*-inl.h' 2>/dev/null | sort)
if [ "${#internal[@]}" -gt 0 ]; then
  printf '%s\n' "${internal[@]}" | compile_each -I src -I datasets -I tests/emulator -isystem /usr/include/eigen3
fi
echo "${#public[@]} public and ${#internal[@]} internal headers stand alone"
