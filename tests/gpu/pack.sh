#!/usr/bin/env bash
# pack.sh BUILD_DIR FOLDER [PACKAGE]: the programs that tests/gpu/verify.sh runs, with every library that a machine with a GPU
# may lack, in one folder for its --build-dir: programs and libgavotte_cuda.so in bin, libraries in lib. The C
# library is the machine's: pack on a system no newer than it. PACKAGE: the folder of an installed Python package, as
# .venv/lib/python3.11/site-packages/gavotte, for that version of Python there; it lies in python then.
set -euo pipefail
[ $# -eq 2 ] || [ $# -eq 3 ] || { echo "usage: pack.sh BUILD_DIR FOLDER [PACKAGE]" >&2; exit 2; }
build=$1
folder=$2
mkdir -p "$folder/bin" "$folder/lib"
for file in "$build"/bin/gpu_*_test "$build"/bin/gavotte_gpu_bench "$build"/bin/libgavotte_cuda.so; do
  [ -e "$file" ] || { echo "pack.sh: no $file: build gpu_tests and gavotte_gpu_bench first" >&2; exit 1; }
  strip -o "$folder/bin/$(basename "$file")" "$file"
  ldd "$file" | sed -n 's/.* => \(\/[^ ]*\) .*/\1/p'
done | sort -u | grep -vE '/(libc|libm|libdl|librt|libpthread|ld-linux[^/]*)\.so[^/]*$' |
  xargs -r cp -L -t "$folder/lib"
if [ $# -eq 3 ]; then
  [ -e "$3/__init__.py" ] || { echo "pack.sh: $3 is no Python package" >&2; exit 1; }
  rm -rf "$folder/python"
  mkdir "$folder/python"
  cp -rL "$3" "$folder/python/gavotte"
  find "$folder/python" -name __pycache__ -prune -exec rm -r {} +
  # What its libraries need beside one another.
  ldd "$3"/_core*.so "$3"/lib/*.so* | sed -n 's/.* => \(\/[^ ]*\) .*/\1/p' | sort -u |
    grep -vE '/(libc|libm|libdl|librt|libpthread|ld-linux[^/]*|libgavotte[^/]*)\.so[^/]*$' | xargs -r cp -L -t "$folder/lib"
fi
git -C "$(dirname "${BASH_SOURCE[0]}")" describe --always --dirty --abbrev=12 >"$folder/commit" 2>/dev/null ||
  echo unknown >"$folder/commit"
du -sh "$folder"
