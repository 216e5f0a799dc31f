#!/usr/bin/env bash
# compile_by.sh COMPILER [LAUNCHER...] CMAKE'S_COMPILER OPTION...: the command, with COMPILER in the place of CMake's, which
# is the word before the first option. For some sources of a build (GAVOTTE_KERNEL_CXX), since CMake has one compiler.
set -euo pipefail
compiler=$1
shift
words=()
while [ "$#" -gt 0 ] && [[ $1 != -* ]]; do
  words+=("$1")
  shift
done
words[-1]=$compiler
exec "${words[@]}" "$@"
