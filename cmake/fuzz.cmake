# gavotte_add_fuzz_test(NAME SOURCES file... CORPUS folder [LIBS target...] [MUTATIONS n])
# SOURCES define LLVMFuzzerTestOneInput. The program NAME replays the corpus and MUTATIONS (default 500) seeded mutations
# of each file. With GAVOTTE_LIBFUZZER (clang) there is also NAME_libfuzzer, which libFuzzer drives for some seconds. Both
# are a test labelled fuzz. To fuzz for long: build/asan/bin/NAME_libfuzzer CORPUS_FOLDER.
set(GAVOTTE_FUZZ_SECONDS 2 CACHE STRING "Seconds that libFuzzer runs each target in ctest")
add_custom_target(fuzz_tests)  # what libFuzzer drives

function(gavotte_add_fuzz_program name)
  cmake_parse_arguments(PARSE_ARGV 1 arg "" "" "SOURCES;LIBS;DEFINITIONS;COMMAND")
  add_executable(${name} ${arg_SOURCES})
  target_include_directories(${name} PRIVATE ${PROJECT_SOURCE_DIR}/src ${PROJECT_SOURCE_DIR}/tests)
  target_compile_definitions(${name} PRIVATE ${arg_DEFINITIONS})
  target_link_libraries(${name} PRIVATE ${arg_LIBS} gavotte_internal)
  add_test(NAME Fuzz.${name} COMMAND ${name} ${arg_COMMAND})
  set_tests_properties(Fuzz.${name} PROPERTIES LABELS fuzz TIMEOUT 300)
endfunction()

function(gavotte_add_fuzz_test name)
  cmake_parse_arguments(PARSE_ARGV 1 arg "" "CORPUS;MUTATIONS" "SOURCES;LIBS;DEFINITIONS")
  if(NOT arg_MUTATIONS)
    set(arg_MUTATIONS 500)
  endif()
  cmake_path(ABSOLUTE_PATH arg_CORPUS)
  gavotte_add_fuzz_program(${name} SOURCES ${arg_SOURCES} ${PROJECT_SOURCE_DIR}/tests/fuzz/replay_main.cpp
    LIBS ${arg_LIBS} DEFINITIONS ${arg_DEFINITIONS} COMMAND ${arg_MUTATIONS} ${arg_CORPUS})
  if(GAVOTTE_LIBFUZZER)
    # New inputs go to the first folder, so that a run leaves the corpus as it is.
    set(found ${CMAKE_CURRENT_BINARY_DIR}/${name}.found)
    file(MAKE_DIRECTORY ${found})
    gavotte_add_fuzz_program(${name}_libfuzzer SOURCES ${arg_SOURCES} LIBS ${arg_LIBS} DEFINITIONS ${arg_DEFINITIONS}
      COMMAND -seed=1 -max_total_time=${GAVOTTE_FUZZ_SECONDS} -max_len=65536 -rss_limit_mb=4096 -print_final_stats=1
              ${found} ${arg_CORPUS})
    gavotte_watch_for_fuzzers(${name}_libfuzzer)
    target_link_options(${name}_libfuzzer PRIVATE -fsanitize=fuzzer)
    add_dependencies(fuzz_tests ${name}_libfuzzer)
  endif()
endfunction()
