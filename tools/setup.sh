#!/usr/bin/env bash
# setup.sh GROUP...: makes sure that the Debian packages of each group (build, test, bench, lint, cuda, python, neon)
# are installed. Installs through apt-get as root or by passwordless sudo; otherwise says what to install.
# The group cuda is nvcc, which Debian does not package: where the machine has none, its compiler comes from
# NVIDIA's wheels on PyPI into build/cuda-toolkit (270 MB; no driver, no GPU), where CMake finds it.
# The group neon also unpacks Highway for arm64 into build/arm64; this machine's apt stays one of one architecture.
# The group python also makes .venv and installs requirements-dev.txt into it.
set -euo pipefail
cd "$(dirname "$0")/.."

declare -A packages=(
  [build]="g++ cmake ninja-build nlohmann-json3-dev libcli11-dev libfmt-dev libopen3d-dev libeigen3-dev libxsmm-dev libhwy-dev libjs-chart.js"
  [test]="ccache libgtest-dev libgmock-dev libboost-context-dev clang libclang-rt-14-dev lld python3"
  [bench]="libbenchmark-dev"
  [lint]="clang-format clang-tidy libomp-dev shellcheck"
  [cuda]=""
  [python]="python3-dev python3-venv chromium"
  [neon]="g++-aarch64-linux-gnu libc6-dev-arm64-cross qemu-user"
)
wheels="nvidia-cuda-nvcc==13.0.88 nvidia-cuda-crt==13.0.88 nvidia-nvvm==13.0.88 nvidia-cuda-runtime==13.0.96 nvidia-cuda-cccl==13.0.85"
toolkit=build/cuda-toolkit
arm64=build/arm64

# Installs the Debian packages named that are missing.
install_packages() {
  local missing=() package status
  for package in "$@"; do
    status=$(dpkg-query -W -f='${db:Status-Status}' "$package" 2>/dev/null || true)
    [ "$status" = installed ] || missing+=("$package")
  done
  [ "${#missing[@]}" -gt 0 ] || return 0

  if ! command -v apt-get >/dev/null; then
    echo "setup.sh: needed and not found as Debian packages: ${missing[*]}. Install the like by your system's means;" \
         "configuring goes on with what is there." >&2
    return 0
  fi
  local as_root=()
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
}

# The same places as cmake/cuda.cmake looks in.
has_nvcc() {
  [ -n "${CUDACXX:-}" ] || command -v nvcc >/dev/null || [ -x "${CUDA_PATH:-/usr/local/cuda}/bin/nvcc" ] ||
    [ -x /usr/local/cuda/bin/nvcc ]
}

# nvcc from PyPI, and the two names in its lib folder that nvcc and CMake look for and the wheels leave out.
install_toolkit() {
  [ "$(cat "$toolkit/wheels" 2>/dev/null)" != "$wheels" ] || return 0
  install_packages python3-venv
  echo "setup.sh: no nvcc here: getting CUDA's compiler from PyPI into $toolkit"
  rm -rf "$toolkit"
  python3 -m venv "$toolkit"
  # shellcheck disable=SC2086  # a list of words
  "$toolkit/bin/pip" install --quiet --disable-pip-version-check --no-deps --only-binary :all: $wheels
  local root
  root=$(echo "$PWD/$toolkit"/lib/python3*/site-packages/nvidia/cu13)
  ln -s lib "$root/lib64"
  ln -s libcudart.so.13 "$root/lib/libcudart.so"
  ln -s "${root#"$PWD/$toolkit/"}" "$toolkit/cuda"
  "$toolkit/cuda/bin/nvcc" --version >/dev/null
  echo "$wheels" >"$toolkit/wheels"
}

# Debian's packages of Highway for arm64, found by package lists of their own, in build/arm64, where cmake/aarch64.cmake
# looks.
install_arm64() {
  [ ! -e "$arm64/unpacked" ] || return 0
  command -v apt-get >/dev/null || return 0
  echo "setup.sh: getting Highway for arm64 into $arm64"
  rm -rf "$arm64"
  mkdir -p "$arm64/lists/partial" "$arm64/cache/archives/partial"
  local apt=(apt-get -qq -o APT::Architecture=arm64 -o APT::Architectures=arm64 -o APT::Sandbox::User=
             -o "Dir::State::Lists=$PWD/$arm64/lists" -o "Dir::Cache=$PWD/$arm64/cache") package
  "${apt[@]}" update
  (cd "$arm64/cache" && "${apt[@]}" download libhwy-dev libhwy1)
  for package in "$arm64"/cache/*.deb; do dpkg-deb -x "$package" "$arm64"; done
  rm -rf "$arm64/lists" "$arm64/cache"
  touch "$arm64/unpacked"
}

# .venv with what the Python side is developed and tested with.
install_requirements() {
  [ "$(cat .venv/requirements 2>/dev/null)" != "$(cat requirements-dev.txt)" ] || return 0
  echo "setup.sh: installing requirements-dev.txt into .venv"
  python3 -m venv .venv
  .venv/bin/pip install --quiet --disable-pip-version-check -r requirements-dev.txt
  cp requirements-dev.txt .venv/requirements
}

needed=()
for group in "$@"; do
  [ -n "${packages[$group]+known}" ] || { echo "setup.sh: unknown group '$group'" >&2; exit 2; }
  read -r -a of_group <<<"${packages[$group]}"
  needed+=("${of_group[@]}")
done
install_packages "${needed[@]}"
for group in "$@"; do
  [ "$group" != cuda ] || has_nvcc || install_toolkit
  [ "$group" != neon ] || install_arm64
  [ "$group" != python ] || install_requirements
done
