#!/usr/bin/env bash
# check_ptxas.sh ALLOWED OBJECT...: reads what ptxas said of each kernel (OBJECT.ptxas, by log_ptxas.sh; other
# objects are passed over) and fails where one keeps something in local memory, by spilled registers or an
# array that is not in registers, and is not on the list ALLOWED. Prints the totals of each architecture.
#
# Lines of ALLOWED: ARCHITECTURE (or *), a part of the kernel's name, why. An entry that nothing needs is an error.
set -euo pipefail
[ "$#" -ge 2 ] || { echo "usage: check_ptxas.sh ALLOWED OBJECT..." >&2; exit 2; }
allowed=$1
shift

logs=()
for object in "$@"; do
  case $object in
    *.cu.o)
      [ -f "$object.ptxas" ] || { echo "check_ptxas.sh: $object.ptxas is missing: build again" >&2; exit 2; }
      logs+=("$object.ptxas")
      ;;
  esac
done
[ "${#logs[@]}" -gt 0 ] || { echo "check_ptxas.sh: no object file of nvcc among the arguments" >&2; exit 2; }

# One line a function: architecture, stack bytes, bytes of spill stores and loads, registers (0 for a function
# that is no kernel), name.
functions() {
  awk '
    function put() { if (name != "") print arch, stack, stores, loads, registers, name; name = ""; registers = 0 }
    /Compiling entry function/ { put(); arch = $NF; gsub("\047", "", arch) }
    /Function properties for/ { put(); name = $NF }
    /bytes stack frame/ { stack = $1; stores = $5; loads = $9 }
    /Used [0-9]+ registers/ { for (i = 1; i < NF; ++i) if ($i == "Used") registers = $(i + 1); put() }
    END { put() }' "${logs[@]}" | c++filt -p | sort -u
}

functions | awk -v allowed="$allowed" '
  BEGIN {
    while ((status = (getline line < allowed)) > 0) {
      if (line ~ /^[ \t]*(#|$)/) continue
      split(line, word)
      ++entries; entry_arch[entries] = word[1]; entry_name[entries] = word[2]
    }
    if (status < 0) { print "check_ptxas.sh: cannot read " allowed; exit bad = 2 }
  }
  {
    name = $6
    for (i = 7; i <= NF; ++i) name = name " " $i
    gsub(/gavotte::internal::cuda::|\(anonymous namespace\)::/, "", name)
    gsub(/cub::CUB_[0-9A-Z_]+::(detail::)?/, "cub::", name)
    short = length(name) > 120 ? substr(name, 1, 120) "..." : name
    if ($5 > 0) { ++kernels[$1]; if ($5 > most[$1]) { most[$1] = $5; of[$1] = short } }
    if ($2 == 0 && $3 == 0 && $4 == 0) next
    for (i = 1; i <= entries; ++i)
      if ((entry_arch[i] == "*" || entry_arch[i] == $1) && index(name, entry_name[i])) break
    if (i <= entries) { used[i] = 1; ++listed[$1]; next }
    printf "%s: %s: %d bytes of stack, %d stored and %d loaded by spilling\n", $1, short, $2, $3, $4
    bad = 1
  }
  END {
    if (bad == 2) exit 2
    for (arch in kernels) {
      any = 1
      printf "%-8s %4d kernels, %d with listed local memory; most registers: %d, %s\n", arch, kernels[arch],
             listed[arch], most[arch], of[arch] | "sort -V"
    }
    close("sort -V")
    if (!any) { print "check_ptxas.sh: the logs name no kernel: was -Xptxas=-v given?"; exit 2 }
    for (i = 1; i <= entries; ++i)
      if (!used[i]) { print allowed ": nothing needs " entry_arch[i] " " entry_name[i] ": take it off"; bad = 1 }
    if (bad) print "Kernels use local memory (above). Lower their registers, or list them in " allowed " with the reason."
    exit bad
  }'
