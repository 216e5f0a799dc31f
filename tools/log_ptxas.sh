#!/usr/bin/env bash
# log_ptxas.sh COMPILER ARGUMENT...: compiles with nvcc and keeps what -Xptxas=-v says of each kernel in
# OBJECT.ptxas beside the object file, out of the build's messages; tools/check_ptxas.sh reads it. Stands
# before the compiler cache, which repeats the compiler's messages.
set -uo pipefail

object='' previous=''
for argument in "$@"; do
  [ "$previous" != -o ] || object=$argument
  previous=$argument
done
case $object in
  *.o) ;;
  *) exec "$@" ;;
esac

"$@" >"$object.ptxas" 2>&1
status=$?
grep -vE '^(ptxas info +:|    [0-9]+ bytes stack frame)' "$object.ptxas" >&2
exit "$status"
