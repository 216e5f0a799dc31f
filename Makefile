# The few commands that a person types. Each sets up what it needs; all output lies in build/.
#   make demo    build, make a street scene, label it with a trained network
#   make test    all tests: release, sanitizers, threading tests under TSan, vectors of ARM
#                under qemu; the CUDA backend compiled
#   make bench   benchmarks; writes build/bench/report.json, and what Python costs after `make python`
#   make mutants whether the tests of the CUDA kernels notice a missing barrier or a wrong bound
#   make docs    the site of docs/ with the Python reference, in build/docs
#   make lint    formatting, clang-tidy, headers that stand alone
SHELL := /bin/bash
JOBS ?= $(shell nproc)

# The compiler has one name for CMake and for pip, which would take Python's: a compiler cache, where one is installed,
# then gives the release build the objects of the wheel.
export CXX
export CMAKE_CXX_COMPILER_LAUNCHER ?= $(shell command -v ccache)
export CMAKE_CUDA_COMPILER_LAUNCHER ?= $(CMAKE_CXX_COMPILER_LAUNCHER)
export CTEST_PARALLEL_LEVEL ?= $(JOBS)

.PHONY: demo test installed bench lint build asan tsan fuzz neon mutants cuda-compile python docs coverage clean
.DEFAULT_GOAL := build

build:
	tools/setup.sh build test
	cmake --preset release
	cmake --build --preset release -j $(JOBS)

demo:
	tools/setup.sh build
	cmake --preset release
	cmake --build build -j $(JOBS) --target gavotte_cli
	mkdir -p build/demo
	build/bin/gavotte scene lidar -o build/demo/street.pcd
	build/bin/gavotte run street build/demo/street.pcd --score

# The release tests come last, so that their summary ends the output. What later steps need is installed beside the
# first: that waits for the network and the disk, or keeps one core busy.
test:
	tools/setup.sh build test
	$(MAKE) --no-print-directory --jobs 2 asan installed
	$(MAKE) --no-print-directory tsan neon cuda-compile python build
	ctest --preset release

installed:
	tools/setup.sh build test bench cuda neon python

# These builds share no objects with others: a compiler cache finds them by the files that they read, and need not
# preprocess each source first.
asan tsan fuzz neon: export CCACHE_DEPEND = 1

asan:
	tools/setup.sh build test
	cmake --preset asan-ubsan
	cmake --build --preset asan-ubsan -j $(JOBS)
	ctest --preset asan-ubsan

tsan:
	tools/setup.sh build test
	cmake --preset tsan
	cmake --build --preset tsan -j $(JOBS)
	ctest --preset tsan

# Each target for some seconds, from the seed corpus; in the build of asan, whose tests have them too.
fuzz:
	tools/setup.sh build test
	cmake --preset asan-ubsan
	cmake --build --preset fuzz -j $(JOBS)
	ctest --preset fuzz

# The CPU backend for 64-bit ARM, and the tests of its vectors under qemu-user.
neon:
	tools/setup.sh build test neon
	cmake --preset neon
	cmake --build --preset neon -j $(JOBS)
	ctest --preset neon

bench:
	tools/setup.sh build bench
	cmake --preset release -DGAVOTTE_BUILD_BENCH=ON
	cmake --build --preset release -j $(JOBS) --target bench
	! .venv/bin/python -c 'import gavotte, torch' 2>/dev/null || .venv/bin/python bench/python_overhead.py \
	  --json build/bench/python_overhead.json --markdown build/bench/python_overhead.md

# The CUDA backend for all three architectures, with warnings as errors; needs no GPU.
cuda-compile:
	tools/setup.sh build test bench cuda
	cmake --preset cuda-compile
	cmake --build --preset cuda-compile -j $(JOBS)
	ctest --preset cuda-compile

# The wheel, built and installed into .venv as a user does it, its tests and the examples of its docstrings there.
# The tests of GPUs run on the CUDA backend in its emulator. OpenMP's threads sleep where they wait, as in ctest's
# presets: as many processes as cores would else spin away each other's time.
python:
	tools/setup.sh build test python
	cmake --preset release
	cmake --build --preset release -j $(JOBS) --target gavotte_cuda_emulated_library
	.venv/bin/pip install --quiet --disable-pip-version-check .
	.venv/bin/ruff check && .venv/bin/ruff format --check && .venv/bin/mypy
	OMP_WAIT_POLICY=passive .venv/bin/pytest --numprocesses $(JOBS) --doctest-modules --pyargs tests/python gavotte --ignore=tests/python/on_gpu
	OMP_WAIT_POLICY=passive GAVOTTE_EMULATOR=build/emulated/libgavotte_cuda.so \
	  .venv/bin/pytest --numprocesses $(JOBS) tests/python/on_gpu

# Pages of docs/ and the reference from the docstrings of the installed package; a warning is an error.
docs:
	tools/setup.sh build python
	.venv/bin/pip install --quiet --disable-pip-version-check .
	.venv/bin/sphinx-build -q -W --keep-going -b html docs build/docs

# The kernels of the emulator with all mutants in them, then the tests against each.
mutants:
	tools/setup.sh build test
	tools/mutate_kernels.py instrument build/mutants/kernels
	cmake --preset asan-ubsan -B build/mutants -DGAVOTTE_MUTANTS=$(CURDIR)/build/mutants/kernels -DGAVOTTE_UNITY=0
	cmake --build build/mutants -j $(JOBS) --target kernel_tests
	tools/mutate_kernels.py check --bin build/mutants/bin --jobs $(JOBS)

coverage:
	tools/setup.sh build test
	cmake --preset coverage
	cmake --build --preset coverage -j $(JOBS)
	ctest --preset coverage

lint:
	tools/setup.sh build test lint
	cmake --preset release
	tools/lint.sh build

clean:
	rm -rf build
