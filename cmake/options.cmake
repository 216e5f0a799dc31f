# What may be switched on and off. Each option defaults to what this machine has, and an option that is
# set by hand to ON while its package is missing stops the configure step.

option(BUILD_SHARED_LIBS "Build libgavotte as a shared library" OFF)
option(GAVOTTE_WERROR "Treat warnings as errors" OFF)

# Required packages: header-only JSON for the graph of a network file, vectors chosen at run time, and the
# matrix products that every CPU can do.
find_package(nlohmann_json 3.10 REQUIRED)
find_package(hwy 1.0 REQUIRED)
find_package(Eigen3 3.3 REQUIRED NO_MODULE)
find_package(Threads REQUIRED)

# gavotte_optional(NAME FOUND DESCRIPTION): cache entry NAME is AUTO, ON or OFF; the variable NAME, which
# the rest of the build reads, is ON or OFF. AUTO (the default) asks anew in each configure step.
function(gavotte_optional name found description)
  set(${name} AUTO CACHE STRING "${description}")
  set_property(CACHE ${name} PROPERTY STRINGS AUTO ON OFF)
  set(wanted "$CACHE{${name}}")
  if(wanted STREQUAL AUTO)
    set(wanted "${found}")
  elseif(wanted AND NOT found)
    message(FATAL_ERROR "${name} is ON, but what it needs was not found (${description}). "
                        "Install it (tools/setup.sh) or configure with -D${name}=OFF.")
  endif()
  if(wanted)
    set(${name} ON PARENT_SCOPE)
  else()
    set(${name} OFF PARENT_SCOPE)
  endif()
endfunction()

find_package(Open3D QUIET)
gavotte_optional(GAVOTTE_WITH_OPEN3D "${Open3D_FOUND}" "Read PLY, PCD, XYZ and PTS through Open3D (libopen3d-dev)")

find_package(Xsmm QUIET)
gavotte_optional(GAVOTTE_WITH_XSMM "${Xsmm_FOUND}" "Small GEMMs from libxsmm (libxsmm-dev)")

# The CUDA backend: on where this machine can use it, that is has nvcc and a GPU. Set to ON, it is compiled
# without a GPU too. Real code for A100, H100 (90a: wgmma needs the a) and Blackwell's consumer line, but
# where a GPU is at hand for that one only, unless told otherwise.
include(cuda)
set(GAVOTTE_CUDA_ALL_ARCHITECTURES "80;90a;120")
set(found OFF)
if(GAVOTTE_NVCC AND (GAVOTTE_GPUS OR "$CACHE{GAVOTTE_WITH_CUDA}" STREQUAL "ON"))
  set(found ON)
endif()
gavotte_optional(GAVOTTE_WITH_CUDA "${found}" "Build the CUDA backend (nvcc; AUTO asks for a GPU too)")
if(GAVOTTE_WITH_CUDA)
  if(GAVOTTE_GPUS)
    set(CMAKE_CUDA_ARCHITECTURES "${GAVOTTE_GPUS}" CACHE STRING "GPUs to compile for")
  else()
    set(CMAKE_CUDA_ARCHITECTURES "${GAVOTTE_CUDA_ALL_ARCHITECTURES}" CACHE STRING "GPUs to compile for")
  endif()
  set(CMAKE_CUDA_RUNTIME_LIBRARY Shared CACHE STRING "cudart: Shared loads where there is no driver")
  enable_language(CUDA)
  if(NOT CMAKE_CUDA20_STANDARD_COMPILE_OPTION)  # CMake 3.25 does not know that nvcc has it since 12.0
    set(CMAKE_CUDA20_STANDARD_COMPILE_OPTION -std=c++20)
    set(CMAKE_CUDA20_EXTENSION_COMPILE_OPTION -std=c++20)
  endif()
endif()

# The Python module: on where both its folder and its tools are present.
set(found OFF)
if(EXISTS ${PROJECT_SOURCE_DIR}/python/CMakeLists.txt)
  set(PYBIND11_FINDPYTHON ON)
  find_package(Python 3.10 QUIET COMPONENTS Interpreter Development.Module)
  find_package(pybind11 CONFIG QUIET)
  if(Python_FOUND AND pybind11_FOUND)
    set(found ON)
  endif()
endif()
gavotte_optional(GAVOTTE_WITH_PYTHON "${found}" "Build the Python module (python3-dev and pybind11)")

# Tests, benchmarks and the command line: off where Gavotte is part of another project's build.
set(found OFF)
if(PROJECT_IS_TOP_LEVEL)
  find_package(GTest QUIET)
  set(found "${GTest_FOUND}")
  # For another architecture from its sources, which Debian's package has, too.
  if(CMAKE_CROSSCOMPILING AND NOT found AND EXISTS /usr/src/googletest/CMakeLists.txt)
    set(INSTALL_GTEST OFF)
    add_subdirectory(/usr/src/googletest ${PROJECT_BINARY_DIR}/googletest EXCLUDE_FROM_ALL)
    set(found ON)
  endif()
endif()
gavotte_optional(GAVOTTE_BUILD_TESTS "${found}" "Build the tests (libgtest-dev, libgmock-dev)")

set(found OFF)
if(PROJECT_IS_TOP_LEVEL AND EXISTS ${PROJECT_SOURCE_DIR}/bench/CMakeLists.txt)
  find_package(benchmark QUIET)
  set(found "${benchmark_FOUND}")
endif()
gavotte_optional(GAVOTTE_BUILD_BENCH "${found}" "Build the benchmarks (libbenchmark-dev)")

set(found OFF)
if(PROJECT_IS_TOP_LEVEL AND EXISTS ${PROJECT_SOURCE_DIR}/cli/CMakeLists.txt)
  find_package(CLI11 QUIET)
  find_package(fmt QUIET)
  if(CLI11_FOUND AND fmt_FOUND)
    set(found ON)
  endif()
endif()
gavotte_optional(GAVOTTE_BUILD_CLI "${found}" "Build the gavotte command (libcli11-dev and libfmt-dev)")

# The page of `gavotte tune --report` draws with Chart.js, which becomes part of the command.
find_file(GAVOTTE_CHART_JS chart.min.js PATHS /usr/share/javascript/chart.js /usr/share/nodejs/chart.js/dist
          DOC "Chart.js 3, minified" NO_DEFAULT_PATH NO_CMAKE_FIND_ROOT_PATH)
mark_as_advanced(GAVOTTE_CHART_JS)
set(found OFF)
if(GAVOTTE_BUILD_CLI AND GAVOTTE_CHART_JS)
  set(found ON)
endif()
gavotte_optional(GAVOTTE_WITH_REPORT "${found}" "The page of gavotte tune --report (libjs-chart.js), in the command")

# g++ for what takes clang long with AddressSanitizer, of which clang compiles the rest (HACKING.md), and for what stands on
# OpenMP, whose library is GNU's then.
set(GAVOTTE_KERNEL_CXX "" CACHE STRING "g++ for src/cpu/simd and OpenMP, empty: CMAKE_CXX_COMPILER")

# The threading seam: OpenMP shares the pool of other OpenMP users (PyTorch among them); plain threads
# are what ThreadSanitizer understands.
find_package(OpenMP QUIET COMPONENTS CXX)
if(GAVOTTE_KERNEL_CXX)
  set(OpenMP_CXX_FOUND ON)
endif()
if(OpenMP_CXX_FOUND)
  set(GAVOTTE_THREADS openmp CACHE STRING "Threads of the CPU backend: openmp or std")
else()
  set(GAVOTTE_THREADS std CACHE STRING "Threads of the CPU backend: openmp or std")
endif()
set_property(CACHE GAVOTTE_THREADS PROPERTY STRINGS openmp std)
if(NOT GAVOTTE_THREADS MATCHES "^(openmp|std)$")
  message(FATAL_ERROR "GAVOTTE_THREADS must be openmp or std, got '${GAVOTTE_THREADS}'")
endif()
if(GAVOTTE_THREADS STREQUAL openmp AND NOT OpenMP_CXX_FOUND)
  message(FATAL_ERROR "GAVOTTE_THREADS is openmp, but this compiler has no OpenMP: use -DGAVOTTE_THREADS=std")
endif()

# Most of a compiler's time goes to headers. But a change of one source is compiled with its neighbours.
set(GAVOTTE_UNITY 0 CACHE STRING "Sources of the library that are compiled together; 0: each by itself")

set(GAVOTTE_SANITIZE "" CACHE STRING "Sanitizers to build everything with: address,undefined or thread")
option(GAVOTTE_LIBFUZZER "Build programs that libFuzzer drives (clang)" OFF)
option(GAVOTTE_COVERAGE "Instrument for gcov" OFF)
