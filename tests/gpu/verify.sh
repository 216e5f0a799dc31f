#!/usr/bin/env bash
# verify.sh [--build-dir DIR] [--python PYTHON] [--dry-run] OUTDIR: what there is to check on a machine with a GPU, within 8 minutes
# and without a network: builds for that GPU alone, runs the tests labelled gpu, the same bits over 20 runs, graph
# capture and replay, the Python package in PyTorch, compute-sanitizer's four tools on small tests, then the benchmark.
#
#   OUTDIR/result.json   device, driver, clocks, commit, date, each step with its outcome and seconds
#   OUTDIR/summary.md    the same on one page
#   OUTDIR/log.txt       what the steps printed
#   OUTDIR/bench.json    rows of the benchmark, where it was built and ran
#
# --build-dir DIR: programs built beforehand, in DIR/bin, libraries that the machine lacks in DIR/lib; tests/gpu/pack.sh
#   makes such a folder. Nothing is built, neither CMake nor GoogleTest is needed.
# --python PYTHON: of an environment with PyTorch for CUDA, pytest and gavotte (else the package that pack.sh put in
#   DIR/python is taken); by default that of .venv, else python3. Where one of them is missing the step is left out.
# --dry-run: prints the plan; an error where it names a tool, a program or a test that is not known. Needs no GPU.
#
# Each step has its own limit; one that fails is recorded and the next one runs. Exit code 1 where any failed.
# shellcheck disable=SC2317  # steps' commands are called by name
set -uo pipefail

readonly budget_s=470  # of 8 minutes
root=$(cd "$(dirname "${BASH_SOURCE[0]}")/../.." && pwd)
dry=false
prebuilt=false
build=$root/build/gpu
out=''
python=$root/.venv/bin/python
[ -x "$python" ] || python=python3
while [ $# -gt 0 ]; do
  case $1 in
    --dry-run) dry=true ;;
    --build-dir)
      [ $# -gt 1 ] || { echo "verify.sh: --build-dir expects a folder" >&2; exit 2; }
      prebuilt=true
      build=$(cd "$2" && pwd) || exit 2
      shift ;;
    --python)
      [ $# -gt 1 ] || { echo "verify.sh: --python expects an interpreter" >&2; exit 2; }
      python=$2
      shift ;;
    -*) echo "verify.sh: no such option: $1" >&2; exit 2 ;;
    *) out=$1 ;;
  esac
  shift
done
[ -n "$out" ] || { echo "usage: verify.sh [--build-dir DIR] [--python PYTHON] [--dry-run] OUTDIR" >&2; exit 2; }

# Every outer tool that a step calls, and who brings it.
declare -A tools=(
  [nvidia-smi]="the driver" [cmake]="CMake" [ctest]="CMake" [compute-sanitizer]="the CUDA toolkit"
)
read -r -a programs <<<"$(sed -n 's/^set(GAVOTTE_GPU_[A-Z_]*TESTS \(.*\))$/\1/p' "$root/tests/gpu/programs.cmake" | tr '\n' ' ')"

# Small tests that together start nearly every kernel: PROGRAM FILTER. What racecheck can do in a minute.
readonly small=(
  "api DeviceApi.ConvolutionsAndTheirGradients:DeviceApi.PoolingOverMaps:DeviceApi.SparseOperations"
  "map KernelMaps.EqualTheCpusOnTheSmallest"
  "deferred_sets GivenCount.*"
  "voxelize Voxeliser.ValuesGoBackToPointsOnTheDevice"
  "network FixedRun.TakesRowsInAnyOrderAndSeveralScans"
)

# --- Steps' commands; they run in shells of their own, under a limit. ---

# The GPU and how fast it runs; more than one line where there are several.
describe_device() {
  nvidia-smi --query-gpu=name,compute_cap,driver_version,clocks.sm,clocks.mem,clocks.max.sm,clocks.max.mem,power.limit,temperature.gpu,memory.total \
             --format=csv,noheader
}

configure() {
  cmake -S "$root" -B "$build" -DCMAKE_BUILD_TYPE=Release -DGAVOTTE_WITH_CUDA=ON -DGAVOTTE_BUILD_TESTS=ON \
        -DGAVOTTE_WITH_OPEN3D=OFF -DGAVOTTE_BUILD_CLI=OFF
}

# run_program NAME FILTER [COMMAND...]: under the command, if any. Fails where a test fails, none runs, or there was
# no GPU for it.
run_program() {
  local printed status program=$build/bin/gpu_$1_test filter=$2
  shift 2
  printed=$("$@" "$program" --gtest_color=no --gtest_filter="$filter" 2>&1)
  status=$?
  printf '%s\n' "$printed"
  [ "$status" -eq 0 ] || return "$status"
  if grep -q 'no GPU: ' <<<"$printed"; then echo "verify: skipped for want of a GPU"; return 1; fi
  grep -qE '^\[  PASSED  \] [1-9]' <<<"$printed" || { echo "verify: no test ran"; return 1; }
}

# All tests; those that ctest left out must be ones that need what a machine may lack.
run_all_tests() {
  local name failed=0 printed
  if [ "$prebuilt" = false ]; then
    printed=$(ctest --test-dir "$build" -L '^gpu' --no-tests=error --output-on-failure -j 8 --timeout 120 2>&1) || failed=1
    printf '%s\n' "$printed"
    if grep -E '\(Skipped\)|\(Not Run\)|NOT_BUILT' <<<"$printed" | grep -v 'MinuetGivesTheDefinition'; then
      echo "verify: these tests did not run"
      failed=1
    fi
    return "$failed"
  fi
  for name in "${programs[@]}"; do
    echo "--- $name"
    run_program "$name" '*' || failed=1
  done
  return "$failed"
}

# sanitize TOOL: the small tests under compute-sanitizer.
sanitize() {
  local entry name filter failed=0
  for entry in "${small[@]}"; do
    read -r name filter <<<"$entry"
    echo "--- $1: $name $filter"
    run_program "$name" "$filter" compute-sanitizer --tool "$1" --error-exitcode 9 --print-limit 20 || failed=1
  done
  return "$failed"
}

# run_in_python ARGUMENT...: the package from the environment, else the packed one. Its library looks for
# libgavotte_cuda.so beside itself, then along LD_LIBRARY_PATH.
run_in_python() {
  LD_LIBRARY_PATH="$build/bin${LD_LIBRARY_PATH:+:$LD_LIBRARY_PATH}" PYTHONPATH="$build/python${PYTHONPATH:+:$PYTHONPATH}" \
    PYTHONDONTWRITEBYTECODE=1 "$python" "$@"
}

# The package's tests of a GPU. They skip where PyTorch or Gavotte find none, which is a failure here.
run_python() {
  local printed status
  printed=$(cd "$root" && run_in_python -m pytest -q -rs -p no:cacheprovider tests/python/on_gpu 2>&1)
  status=$?
  printf '%s\n' "$printed"
  [ "$status" -eq 0 ] || return "$status"
  if grep -q 'no GPU: ' <<<"$printed"; then echo "verify: skipped for want of a GPU"; return 1; fi
  grep -qE '[1-9][0-9]* passed' <<<"$printed" || { echo "verify: no test ran"; return 1; }
}

run_bench() {
  "$build/bin/gavotte_gpu_bench" --scenes lidar_10 --output "$out/bench.json" --commit "$commit"
}

# --- The plan: step NAME SECONDS TOOLS COMMAND... ---

plan() {
  step device 20 nvidia-smi describe_device
  if [ "$prebuilt" = false ]; then
    step configure 60 cmake configure
    step build 300 cmake cmake --build "$build" -j "$(nproc)" --target gpu_tests
    step build-bench 60 cmake cmake --build "$build" -j "$(nproc)" --target gavotte_gpu_bench
    step tests 120 ctest run_all_tests
  else
    step tests 120 '' run_all_tests
  fi
  step same-bits 40 '' run_program network 'Networks.GiveTheSameBitsOnEachRun'
  step graphs 40 '' run_program network 'FixedRun.*Graph*'
  step streams 40 '' run_program network 'Networks.RunOnSeveralStreamsAndThreads'
  step python 60 '' run_python
  local tool
  for tool in memcheck racecheck initcheck synccheck; do
    step_beside "$tool" 120 compute-sanitizer sanitize "$tool"
  done
  wait_for_steps
  step bench 60 '' run_bench
}

# --- A dry run. ---

if $dry; then
  problems=0
  complain() { echo "verify.sh: $*" >&2; problems=1; }
  # knows_tests PROGRAM FILTER: each pattern of the filter names a test of the program.
  knows_tests() {
    local pattern suite name source=$root/tests/gpu/$1_test.cpp
    [[ " ${programs[*]} " == *" $1 "* ]] || { complain "no program of tests/gpu: $1"; return; }
    for pattern in ${2//:/ }; do
      suite=${pattern%%.*}
      name=${pattern#*.}
      grep -qE "^TEST(_F|_P)?\\(${suite//\*/.*}, ${name//\*/.*}\\)" "$source" || complain "$1 has no test $pattern"
    done
  }
  step() {
    local name=$1 seconds=$2 tool=$3
    shift 3
    [ -z "$tool" ] || [ -n "${tools[$tool]:-}" ] || complain "step $name: the tool $tool is not known"
    [ "$(type -t "$1")" = function ] || [ "$1" = "$tool" ] || complain "step $name: $1 is neither a step nor its tool"
    [ "$1" != run_program ] || knows_tests "$2" "$3"
    printf '%-12s at most %3d s: %s\n' "$name" "$seconds" "$*"
  }
  step_beside() { step "$@"; }
  wait_for_steps() { :; }
  plan
  for entry in "${small[@]}"; do
    read -r name filter <<<"$entry"
    knows_tests "$name" "$filter"
    printf '%-12s under compute-sanitizer: %s %s\n' '' "$name" "$filter"
  done
  if problem=$(run_in_python -c 'import gavotte, pytest, torch' 2>&1); then
    echo "python: $(command -v "$python")"
  else
    echo "python ($python): not all that the package's tests need: $(tail -1 <<<"$problem")"
  fi
  for tool in "${!tools[@]}"; do
    echo "tool $tool (${tools[$tool]}): $(command -v "$tool" || echo 'not on this machine')"
  done
  if $prebuilt; then
    for name in "${programs[@]}"; do
      [ -x "$build/bin/gpu_${name}_test" ] || complain "$build/bin has no gpu_${name}_test"
    done
    [ -e "$build/bin/libgavotte_cuda.so" ] || complain "$build/bin has no libgavotte_cuda.so"
  fi
  exit $problems
fi

# --- The run. ---

mkdir -p "$out"
out=$(cd "$out" && pwd)
rm -f "$out"/{result.json,summary.md,log.txt,bench.json}
logs=$(mktemp -d)
trap 'rm -rf "$logs"' EXIT
: >"$out/log.txt"
if $prebuilt && [ -d "$build/lib" ]; then export LD_LIBRARY_PATH="$build/lib${LD_LIBRARY_PATH:+:$LD_LIBRARY_PATH}"; fi
commit=$(git -C "$root" describe --always --dirty --abbrev=12 2>/dev/null || cat "$build/commit" 2>/dev/null || echo unknown)
date=$(date -u +%Y-%m-%dT%H:%M:%SZ)
export root build out commit prebuilt python
# Arrays do not travel to other shells; these two are declared there again.
arrays=$(declare -p programs small)
export arrays
export -f describe_device configure run_program run_all_tests sanitize run_in_python run_python run_bench

names=()     # of steps, in the order of the plan
beside=()    # process ids
any_failed=0

# run_step NAME SECONDS COMMAND...: leaves NAME.log and NAME.outcome ("outcome seconds") in $logs.
run_step() {
  local name=$1 limit=$2 start=$SECONDS left status outcome
  shift 2
  left=$((budget_s - start))
  [ "$limit" -le "$left" ] || limit=$left
  if [ "$limit" -lt 5 ]; then
    echo "no time is left of $budget_s s" >"$logs/$name.log"
    echo "not-run 0" >"$logs/$name.outcome"
    return
  fi
  # shellcheck disable=SC2016  # the inner shell expands these
  timeout -k 5 "$limit" bash -c 'eval "$arrays"; "$@"' _ "$@" >"$logs/$name.log" 2>&1
  status=$?
  outcome=failed
  [ $status -ne 0 ] || outcome=passed
  [ $status -ne 124 ] && [ $status -ne 137 ] || outcome=timed-out
  echo "$outcome $((SECONDS - start))" >"$logs/$name.outcome"
}
# has_tool STEP TOOL: false, with a log, where it is missing.
has_tool() {
  if [ -z "$2" ] || command -v "$2" >/dev/null; then return 0; fi
  echo "$2 is not on this machine; it comes with ${tools[$2]}" >"$logs/$1.log"
  echo "failed 0" >"$logs/$1.outcome"
  return 1
}
left_out() {
  echo "$2" >"$logs/$1.log"
  echo "left-out 0" >"$logs/$1.outcome"
}
# The benchmark is built only where what it needs is installed; the package is tested only where it can be imported.
can_run() {
  case $1 in
    build-bench)
      cmake --build "$build" --target help 2>/dev/null | grep -q gavotte_gpu_bench && return
      left_out "$1" "the build has no benchmark: it needs Google Benchmark, CLI11 and fmt" ;;
    python)
      local problem
      problem=$(run_in_python -c 'import gavotte, pytest, torch' 2>&1) && return
      left_out "$1" "$python has not all that the package's tests need: $(tail -1 <<<"$problem")" ;;
    bench)
      [ -x "$build/bin/gavotte_gpu_bench" ] && return
      left_out "$1" "$build/bin has no gavotte_gpu_bench" ;;
    *) return 0 ;;
  esac
  return 1
}
step() {
  local name=$1 seconds=$2 tool=$3
  shift 3
  names+=("$name")
  echo "verify: $name (at most $seconds s)" >&2
  has_tool "$name" "$tool" || return 0
  can_run "$name" || return 0
  run_step "$name" "$seconds" "$@"
}
step_beside() {
  local name=$1 seconds=$2 tool=$3
  shift 3
  names+=("$name")
  echo "verify: $name (at most $seconds s)" >&2
  has_tool "$name" "$tool" || return 0
  run_step "$name" "$seconds" "$@" &
  beside+=($!)
}
wait_for_steps() { [ ${#beside[@]} -eq 0 ] || wait "${beside[@]}"; }

plan

quoted() { sed 's/\\/\\\\/g; s/"/\\"/g; s/\t/ /g' <<<"$1" | tr '\n' ';' | sed 's/;$//; s/^/"/; s/$/"/'; }
device='not known: nvidia-smi failed'
[ "$(cut -d' ' -f1 "$logs/device.outcome")" != passed ] || device=$(cat "$logs/device.log")
{
  printf '{"date": %s,\n "commit": %s,\n' "$(quoted "$date")" "$(quoted "$commit")"
  printf ' "device": %s,\n "device_fields": "name, compute capability, driver, SM clock, memory clock, most of both, power limit, temperature, memory",\n' \
         "$(quoted "$device")"
  printf ' "nvcc": %s,\n "steps": [' "$(quoted "$(nvcc --version 2>/dev/null | tail -1)")"
  comma=''
  for name in "${names[@]}"; do
    read -r outcome seconds <"$logs/$name.outcome"
    printf '%s\n  {"step": "%s", "outcome": "%s", "seconds": %s}' "$comma" "$name" "$outcome" "$seconds"
    comma=','
  done
  printf '\n ]}\n'
} >"$out/result.json"
{
  printf '# Verification on a GPU\n\n- date: %s\n- commit: %s\n- device: %s\n' "$date" "$commit" "${device//$'\n'/; }"
  printf -- '- seconds: %s\n\n| step | outcome | seconds | last line |\n|---|---|---|---|\n' "$SECONDS"
  for name in "${names[@]}"; do
    read -r outcome seconds <"$logs/$name.outcome"
    printf '| %s | %s | %s | %s |\n' "$name" "$outcome" "$seconds" \
           "$(grep -v '^ *$' "$logs/$name.log" | tail -1 | cut -c1-120 | tr '|' '/')"
    printf '\n===== %s: %s after %s s =====\n' "$name" "$outcome" "$seconds" >>"$out/log.txt"
    cat "$logs/$name.log" >>"$out/log.txt"
    case $outcome in passed | left-out) ;; *) any_failed=1 ;; esac
  done
  printf '\nThe log of each step: log.txt. Rows of the benchmark: bench.json.\n'
} >"$out/summary.md"
cat "$out/summary.md"
exit $any_failed
