#!/usr/bin/env bash
# check_exports.sh LIBRARY HEADER...: every dynamic symbol that LIBRARY defines belongs to namespace gavotte
# and to a name that one of the headers declares; nothing else of it or of its dependencies shows.
set -euo pipefail
library=$1
shift

symbols=$(nm --dynamic --defined-only --demangle "$library" | cut -d' ' -f3-)
[ "$(grep -c . <<<"$symbols")" -gt 20 ] || { echo "too few symbols: is $library the library?"; exit 1; }
declared=$(cat "$@")

failures=0
while IFS= read -r symbol; do
  name=${symbol#typeinfo for }
  name=${name#typeinfo name for }
  name=${name#vtable for }
  name=${name#VTT for }
  if [[ $name =~ ^gavotte::(internal::)?(operator[^\(]*|[A-Za-z_0-9]+) ]]; then
    top=${BASH_REMATCH[2]}
    grep -qwF -- "$top" <<<"$declared" && continue
  fi
  echo "exported, but not declared in a public header: $symbol"
  failures=$((failures + 1))
done <<<"$symbols"
[ "$failures" -eq 0 ] || exit 1
echo "$(wc -l <<<"$symbols") exported symbols, all declared"
