#!/usr/bin/env bash
# setup.sh GROUP...: makes sure that the Debian packages of each group (build, test, bench, lint) are
# installed. Installs through apt-get as root or by passwordless sudo; otherwise says what to install.
set -euo pipefail

declare -A packages=(
  [build]="g++ cmake ninja-build nlohmann-json3-dev libcli11-dev libfmt-dev libopen3d-dev libeigen3-dev libxsmm-dev libhwy-dev"
  [test]="libgtest-dev libgmock-dev libboost-context-dev clang libclang-rt-14-dev"
  [bench]="libbenchmark-dev"
  [lint]="clang-format clang-tidy"
)

missing=()
for group in "$@"; do
  [ -n "${packages[$group]:-}" ] || { echo "setup.sh: unknown group '$group'" >&2; exit 2; }
  for package in ${packages[$group]}; do
    status=$(dpkg-query -W -f='${db:Status-Status}' "$package" 2>/dev/null || true)
    [ "$status" = installed ] || missing+=("$package")
  done
done
[ "${#missing[@]}" -gt 0 ] || exit 0

if ! command -v apt-get >/dev/null; then
  echo "setup.sh: needed and not found as Debian packages: ${missing[*]}. Install the like by your system's means;" \
       "configuring goes on with what is there." >&2
  exit 0
fi
as_root=()
if [ "$(id -u)" -ne 0 ]; then
  if ! sudo -n true 2>/dev/null; then
    echo "setup.sh: please run: sudo apt-get install ${missing[*]}" >&2
    exit 1
  fi
  as_root=(sudo -n)
fi
echo "setup.sh: installing ${missing[*]}"
"${as_root[@]}" apt-get update -qq
"${as_root[@]}" env DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends "${missing[@]}" >/dev/null
