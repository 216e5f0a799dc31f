# GAVOTTE_NVCC: nvcc, empty where there is none: as CMake itself looks for it, then where the toolkit installs
# itself, then what tools/setup.sh cuda made. GAVOTTE_GPUS: the architectures of this machine's GPUs that
# the backend runs on (compute capability 8.0 and later), asked of the driver.
set(GAVOTTE_NVCC "${CMAKE_CUDA_COMPILER}")
if(NOT GAVOTTE_NVCC)
  set(GAVOTTE_NVCC "$ENV{CUDACXX}")
endif()
if(NOT GAVOTTE_NVCC)
  find_program(found_nvcc nvcc HINTS ENV CUDA_PATH PATH_SUFFIXES bin NO_CACHE
               PATHS /usr/local/cuda/bin ${PROJECT_SOURCE_DIR}/build/cuda-toolkit/cuda/bin)
  if(found_nvcc)
    set(GAVOTTE_NVCC "${found_nvcc}")
    set(ENV{CUDACXX} "${found_nvcc}")  # what enable_language(CUDA) takes
  endif()
endif()

set(GAVOTTE_GPUS)
execute_process(COMMAND nvidia-smi --query-gpu=compute_cap --format=csv,noheader
                OUTPUT_VARIABLE capabilities ERROR_QUIET RESULT_VARIABLE status TIMEOUT 20)
if(status EQUAL 0)
  string(REGEX MATCHALL "[0-9]+\\.[0-9]" capabilities "${capabilities}")
  foreach(capability IN LISTS capabilities)
    if(capability VERSION_GREATER_EQUAL 8.0)
      string(REPLACE "." "" capability ${capability})
      string(REGEX REPLACE "^90$" "90a" capability ${capability})
      list(APPEND GAVOTTE_GPUS ${capability})
    endif()
  endforeach()
  list(REMOVE_DUPLICATES GAVOTTE_GPUS)
endif()
