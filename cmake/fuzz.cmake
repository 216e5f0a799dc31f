# gavotte_add_fuzz_test(NAME SOURCES file... CORPUS folder [LIBS target...] [MUTATIONS n])
# SOURCES define LLVMFuzzerTestOneInput. In an ordinary build the program replays the corpus and MUTATIONS
# (default 500) seeded mutations of each file; under the fuzz preset (clang) libFuzzer drives it for some
# seconds. Both are a test labelled fuzz. To fuzz for long: build/fuzz/bin/NAME CORPUS_FOLDER.
set(GAVOTTE_FUZZ_SECONDS 5 CACHE STRING "Seconds that libFuzzer runs each target in ctest")
add_custom_target(fuzz_tests)

function(gavotte_add_fuzz_test name)
  cmake_parse_arguments(PARSE_ARGV 1 arg "" "CORPUS;MUTATIONS" "SOURCES;LIBS")
  if(NOT arg_MUTATIONS)
    set(arg_MUTATIONS 500)
  endif()
  cmake_path(ABSOLUTE_PATH arg_CORPUS)
  add_executable(${name} ${arg_SOURCES})
  target_include_directories(${name} PRIVATE ${PROJECT_SOURCE_DIR}/src ${PROJECT_SOURCE_DIR}/tests)
  target_link_libraries(${name} PRIVATE ${arg_LIBS} gavotte_internal)
  add_dependencies(fuzz_tests ${name})
  if(GAVOTTE_SANITIZE MATCHES fuzzer)
    target_link_options(${name} PRIVATE -fsanitize=fuzzer)
    # New inputs go to the first folder, so that a run leaves the corpus as it is.
    set(found ${CMAKE_CURRENT_BINARY_DIR}/${name}.found)
    file(MAKE_DIRECTORY ${found})
    add_test(NAME Fuzz.${name} COMMAND ${name} -seed=1 -max_total_time=${GAVOTTE_FUZZ_SECONDS} -max_len=65536
             -rss_limit_mb=4096 -print_final_stats=1 ${found} ${arg_CORPUS})
  else()
    target_sources(${name} PRIVATE ${PROJECT_SOURCE_DIR}/tests/fuzz/replay_main.cpp)
    add_test(NAME Fuzz.${name} COMMAND ${name} ${arg_MUTATIONS} ${arg_CORPUS})
  endif()
  set_tests_properties(Fuzz.${name} PROPERTIES LABELS fuzz TIMEOUT 300)
endfunction()
