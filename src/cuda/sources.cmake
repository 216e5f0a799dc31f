# The sources that nvcc and the emulator's host compiler share.
set(GAVOTTE_CUDA_SOURCES
  ${CMAKE_CURRENT_LIST_DIR}/column_sum.cu
  ${CMAKE_CURRENT_LIST_DIR}/column_walk.cu
  ${CMAKE_CURRENT_LIST_DIR}/convolution.cu
  ${CMAKE_CURRENT_LIST_DIR}/coordinates.cu
  ${CMAKE_CURRENT_LIST_DIR}/cublas.cu
  ${CMAKE_CURRENT_LIST_DIR}/cuda_backend.cu
  ${CMAKE_CURRENT_LIST_DIR}/deferred_sets.cu
  ${CMAKE_CURRENT_LIST_DIR}/dense.cu
  ${CMAKE_CURRENT_LIST_DIR}/dense_gemm.cu
  ${CMAKE_CURRENT_LIST_DIR}/double_traversal.cu
  ${CMAKE_CURRENT_LIST_DIR}/depthwise.cu
  ${CMAKE_CURRENT_LIST_DIR}/elementwise.cu
  ${CMAKE_CURRENT_LIST_DIR}/gather_gemm_scatter.cu
  ${CMAKE_CURRENT_LIST_DIR}/gemm_lanes.cu
  ${CMAKE_CURRENT_LIST_DIR}/gather_inputs.cu
  ${CMAKE_CURRENT_LIST_DIR}/gemm/bf16_n128.cu
  ${CMAKE_CURRENT_LIST_DIR}/gemm/bf16_n32.cu
  ${CMAKE_CURRENT_LIST_DIR}/gemm/bf16_n64.cu
  ${CMAKE_CURRENT_LIST_DIR}/gemm/f16_n128.cu
  ${CMAKE_CURRENT_LIST_DIR}/gemm/f16_n32.cu
  ${CMAKE_CURRENT_LIST_DIR}/gemm/f16_n64.cu
  ${CMAKE_CURRENT_LIST_DIR}/gemm/f32_n32.cu
  ${CMAKE_CURRENT_LIST_DIR}/gemm/f32_n64.cu
  ${CMAKE_CURRENT_LIST_DIR}/gemm/f64.cu
  ${CMAKE_CURRENT_LIST_DIR}/gemm/gemm_tiles.cu
  ${CMAKE_CURRENT_LIST_DIR}/gemm/group_offsets.cu
  ${CMAKE_CURRENT_LIST_DIR}/gemm/grouped_gemm.cu
  ${CMAKE_CURRENT_LIST_DIR}/gemm/tf32_n128.cu
  ${CMAKE_CURRENT_LIST_DIR}/gemm/tf32_n32.cu
  ${CMAKE_CURRENT_LIST_DIR}/gemm/tf32_n64.cu
  ${CMAKE_CURRENT_LIST_DIR}/global_pooling.cu
  ${CMAKE_CURRENT_LIST_DIR}/implicit_gemm.cu
  ${CMAKE_CURRENT_LIST_DIR}/launch.cu
  ${CMAKE_CURRENT_LIST_DIR}/map.cu
  ${CMAKE_CURRENT_LIST_DIR}/map_forms.cu
  ${CMAKE_CURRENT_LIST_DIR}/map_keys.cu
  ${CMAKE_CURRENT_LIST_DIR}/memory.cu
  ${CMAKE_CURRENT_LIST_DIR}/minuet.cu
  ${CMAKE_CURRENT_LIST_DIR}/partial_rows.cu
  ${CMAKE_CURRENT_LIST_DIR}/pooling.cu
  ${CMAKE_CURRENT_LIST_DIR}/primitives.cu
  ${CMAKE_CURRENT_LIST_DIR}/run_stop.cu
  ${CMAKE_CURRENT_LIST_DIR}/sort_coordinates.cu
  ${CMAKE_CURRENT_LIST_DIR}/sum_products.cu
  ${CMAKE_CURRENT_LIST_DIR}/transpose.cu
  ${CMAKE_CURRENT_LIST_DIR}/transpose_weights.cu
  ${CMAKE_CURRENT_LIST_DIR}/voxelize.cu
  ${CMAKE_CURRENT_LIST_DIR}/wgrad.cu
)

# Of these, those that may not be compiled together, since the same names stand in several.
set(GAVOTTE_CUDA_SOURCES_ALONE ${GAVOTTE_CUDA_SOURCES})
list(FILTER GAVOTTE_CUDA_SOURCES_ALONE INCLUDE REGEX "/(double_traversal|implicit_gemm|sum_products|wgrad)\\.cu$")
