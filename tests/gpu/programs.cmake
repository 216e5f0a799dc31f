# The programs of tests/gpu: gpu_NAME_test from NAME_test.cpp; those of the second list use streams.h.
set(GAVOTTE_GPU_TESTS api convolution coordinates deferred_sets map row_operations voxelize)
set(GAVOTTE_GPU_STREAM_TESTS network)
