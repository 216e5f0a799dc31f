# The sources that nvcc and the emulator's host compiler share.
set(GAVOTTE_CUDA_SOURCES
  ${CMAKE_CURRENT_LIST_DIR}/convolution.cu
  ${CMAKE_CURRENT_LIST_DIR}/coordinates.cu
  ${CMAKE_CURRENT_LIST_DIR}/cuda_backend.cu
  ${CMAKE_CURRENT_LIST_DIR}/dense.cu
  ${CMAKE_CURRENT_LIST_DIR}/dense_gemm.cu
  ${CMAKE_CURRENT_LIST_DIR}/elementwise.cu
  ${CMAKE_CURRENT_LIST_DIR}/gather_gemm_scatter.cu
  ${CMAKE_CURRENT_LIST_DIR}/global_pooling.cu
  ${CMAKE_CURRENT_LIST_DIR}/implicit_gemm.cu
  ${CMAKE_CURRENT_LIST_DIR}/launch.cu
  ${CMAKE_CURRENT_LIST_DIR}/map.cu
  ${CMAKE_CURRENT_LIST_DIR}/memory.cu
  ${CMAKE_CURRENT_LIST_DIR}/pooling.cu
  ${CMAKE_CURRENT_LIST_DIR}/transpose_weights.cu
  ${CMAKE_CURRENT_LIST_DIR}/wgrad.cu
)
