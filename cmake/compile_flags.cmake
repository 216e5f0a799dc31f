# Flags of every target in this tree. Results must repeat bit for bit, so nothing here may let the
# compiler reorder or contract floating-point operations: no -ffast-math, and a fused multiply-add
# only where the code asks for one.
# Nothing is interposed inside the library, so that its functions are inlined as in a static one.
# GCC 12 warns (-Wrestrict) of std::string's operator+ where nothing is wrong.
# The last flag makes error messages name files from the root of the tree.
add_compile_options("$<$<COMPILE_LANGUAGE:CXX>:\
-Wall;-Wextra;-Wnon-virtual-dtor;-Woverloaded-virtual;-Wfloat-conversion;\
-fno-math-errno;-ffp-contract=off;-fno-semantic-interposition;$<$<CXX_COMPILER_ID:GNU>:-Wno-restrict>;\
-fmacro-prefix-map=${PROJECT_SOURCE_DIR}/=>")
if(GAVOTTE_WERROR)
  add_compile_options($<$<COMPILE_LANGUAGE:CXX>:-Werror>)
endif()

if(GAVOTTE_SANITIZE)
  add_compile_options(-fsanitize=${GAVOTTE_SANITIZE} -fno-omit-frame-pointer)
  add_link_options(-fsanitize=${GAVOTTE_SANITIZE})
  # g++ defines these itself; the sources ask for them.
  if(CMAKE_CXX_COMPILER_ID MATCHES Clang AND GAVOTTE_SANITIZE MATCHES "address|thread")
    string(TOUPPER ${CMAKE_MATCH_0} sanitizer)
    add_compile_definitions(__SANITIZE_${sanitizer}__=1)
  endif()
  if(GAVOTTE_SANITIZE MATCHES undefined)
    add_compile_options(-fno-sanitize-recover=undefined)
  endif()
  # Programs of instrumented code take some 100 MB; where lld is installed, it links them in half the time. With an address
  # of their own they would hold 1.6 million relocations: twice the time to link (1.0 s), 1.4 of that to start.
  add_link_options($<$<STREQUAL:$<TARGET_PROPERTY:TYPE>,EXECUTABLE>:-no-pie>)
  find_program(GAVOTTE_LLD ld.lld)
  mark_as_advanced(GAVOTTE_LLD)
  if(GAVOTTE_LLD)
    add_link_options(-fuse-ld=lld)
  endif()
endif()

if(GAVOTTE_COVERAGE)
  add_compile_options(--coverage -fprofile-update=atomic)
  add_link_options(--coverage)
endif()

# gavotte_watch_for_fuzzers(TARGET): libFuzzer learns which branches of it an input took.
function(gavotte_watch_for_fuzzers target)
  if(GAVOTTE_LIBFUZZER)
    target_compile_options(${target} PRIVATE -fsanitize=fuzzer-no-link)
  endif()
endfunction()

# gavotte_static_library(TARGET): its objects are those of the shared library, so that a compiler cache serves both;
# a shared library of somebody else's that takes them in does not export them.
function(gavotte_static_library target)
  if(WIN32)
    target_compile_definitions(${target} PUBLIC GAVOTTE_STATIC)
  elseif(NOT APPLE)
    target_link_options(${target} INTERFACE "LINKER:--exclude-libs,lib${target}.a")
  endif()
endfunction()

# gavotte_compile_together(TARGET ALONE source...): its sources, GAVOTTE_UNITY at a time, but for those named. g++ takes them
# for headers, whose types should not depend on what one source alone has.
function(gavotte_compile_together target)
  cmake_parse_arguments(PARSE_ARGV 1 arg "" "" "ALONE")
  if(GAVOTTE_UNITY EQUAL 0)
    return()
  endif()
  set_source_files_properties(${arg_ALONE} PROPERTIES SKIP_UNITY_BUILD_INCLUSION ON)
  set_target_properties(${target} PROPERTIES UNITY_BUILD ON UNITY_BUILD_BATCH_SIZE ${GAVOTTE_UNITY})
  target_compile_options(${target} PRIVATE $<$<CXX_COMPILER_ID:GNU>:-Wno-subobject-linkage>)
endfunction()

# gavotte_compile_lightly(TARGET): for code whose speed does not matter, and which -O3 would cost the compiler twice the
# time.
function(gavotte_compile_lightly target)
  target_compile_options(${target} PRIVATE $<$<AND:$<CONFIG:Release>,$<CXX_COMPILER_ID:GNU,Clang>>:-O1>)
endfunction()
