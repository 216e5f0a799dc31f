#!/usr/bin/env bash
# verify_test.sh FOLDER: how tests/gpu/verify.sh records its steps, with stand-ins for the programs and the tools: one
# test fails, one program finds no GPU, one tool is missing; the other steps run all the same.
set -euo pipefail
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
folder=$1
rm -rf "$folder"
mkdir -p "$folder/pack/bin" "$folder/tools"

stand_in() {  # FILE LINE...
  local file=$1
  shift
  printf '%s\n' '#!/usr/bin/env bash' "$@" >"$file"
  chmod +x "$file"
}
read -r -a programs <<<"$(sed -n 's/^set(GAVOTTE_GPU_[A-Z_]*TESTS \(.*\))$/\1/p' "$here/programs.cmake" | tr '\n' ' ')"
for name in "${programs[@]}"; do
  stand_in "$folder/pack/bin/gpu_${name}_test" 'echo "[  PASSED  ] 3 tests."'
done
# shellcheck disable=SC2016  # the stand-in expands it
stand_in "$folder/pack/bin/gpu_network_test" 'case $* in *SameBits*) echo "[  FAILED  ] one"; exit 1 ;; esac' \
  'case $* in *Several*) echo "no GPU: none"; exit 0 ;; esac' 'echo "[  PASSED  ] 1 test."'
touch "$folder/pack/bin/libgavotte_cuda.so"
stand_in "$folder/tools/nvidia-smi" 'echo "A \"GPU\", 9.0"'
stand_in "$folder/tools/compute-sanitizer" 'echo "[  PASSED  ] 1 test."'

# shellcheck disable=SC2016  # the stand-ins expand it
stand_in "$folder/tools/with-torch" 'case $* in *pytest*on_gpu*) echo "44 passed in 1 s" ;; esac'
# shellcheck disable=SC2016
stand_in "$folder/tools/no-gpu" 'case $* in *pytest*on_gpu*) echo "SKIPPED [44]: no GPU: PyTorch finds none" ;; esac'
stand_in "$folder/tools/no-torch" 'echo "ModuleNotFoundError: No module named torch"; exit 1'

status=0
PATH="$folder/tools:$PATH" "$here/verify.sh" --build-dir "$folder/pack" --python with-torch "$folder/out" >/dev/null 2>&1 || status=$?

expect() {  # STEP OUTCOME
  grep -q "\"step\": \"$1\", \"outcome\": \"$2\"" "$folder/out/result.json" && return
  echo "expected $1 to be $2:"
  cat "$folder/out/result.json" "$folder/out/log.txt"
  exit 1
}
[ "$status" -eq 1 ] || { echo "expected the exit code 1, got $status"; exit 1; }
python3 -c 'import json, sys; assert json.load(open(sys.argv[1]))["device"] == "A \"GPU\", 9.0"' "$folder/out/result.json"
expect device passed
expect tests passed
expect same-bits failed
expect graphs passed
expect streams failed
expect memcheck passed
expect python passed
expect bench left-out
[ "$(find "$folder/out" -type f | wc -l)" -eq 3 ] || { echo "expected 3 files"; ls "$folder/out"; exit 1; }

for python in no-gpu:failed no-torch:left-out; do
  PATH="$folder/tools:$PATH" "$here/verify.sh" --build-dir "$folder/pack" --python "${python%:*}" "$folder/out" \
    >/dev/null 2>&1 && exit 1
  expect python "${python#*:}"
done
grep -q 'No module named torch' "$folder/out/log.txt"

# Without a GPU: a failure that says so, never a pass.
rm "$folder/tools/nvidia-smi" "$folder/tools/compute-sanitizer"
if ! command -v nvidia-smi >/dev/null; then
  PATH="$folder/tools:$PATH" "$here/verify.sh" --build-dir "$folder/pack" --python no-torch "$folder/out" \
    >/dev/null 2>&1 && exit 1
  expect device failed
  grep -q 'nvidia-smi is not on this machine' "$folder/out/log.txt"
fi
