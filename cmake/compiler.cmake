# Flags every target shares. Kept on one interface target so that nothing is set through directory-wide variables.
add_library(sterna_flags INTERFACE)
target_compile_options(sterna_flags INTERFACE
  -Wall -Wextra -Wconversion -Werror
  -ffp-contract=off          # fused multiply-adds only where the code writes them: results must not depend on the compiler
  -fno-math-errno)
target_compile_definitions(sterna_flags INTERFACE _FILE_OFFSET_BITS=64)
if(CMAKE_CXX_COMPILER_ID STREQUAL "GNU")
  # GCC 12 reports impossible paths inside its own library headers at -O2 and above.
  target_compile_options(sterna_flags INTERFACE -Wno-restrict -Wno-stringop-overflow -Wno-array-bounds)
endif()

# Hardening of optimized builds that carry no sanitizer: it turns an out-of-range index or copy into a clean stop. It costs a few
# percent of size, and a bounds test for each index through std::span or std::vector, which also stops GCC from vectorizing that loop
# (a multiply-add over spans: 4x slower at -O3). Loops over weights and activations therefore use raw pointers, and the files with
# ISA flags switch all of it off (cmake/isa.cmake).
set(STERNA_HARDENING -fstack-protector-strong)
if(CMAKE_CXX_COMPILER_ID STREQUAL "GNU" OR CMAKE_CXX_COMPILER_VERSION VERSION_GREATER_EQUAL 16)
  list(APPEND STERNA_HARDENING -ftrivial-auto-var-init=zero)  # clang before 16 hides it behind a second flag
endif()
if(NOT STERNA_SANITIZE)
  target_compile_options(sterna_flags INTERFACE "$<$<CONFIG:Release>:${STERNA_HARDENING}>")
  target_compile_definitions(sterna_flags INTERFACE "$<$<CONFIG:Release>:_FORTIFY_SOURCE=3;_GLIBCXX_ASSERTIONS>")
  target_link_options(sterna_flags INTERFACE "$<$<CONFIG:Release>:LINKER:-z,relro,-z,now>")
endif()

if(STERNA_SANITIZE)
  target_compile_options(sterna_flags INTERFACE -fsanitize=${STERNA_SANITIZE} -fno-sanitize-recover=all -fno-omit-frame-pointer)
  target_link_options(sterna_flags INTERFACE -fsanitize=${STERNA_SANITIZE})
  if(CMAKE_CXX_COMPILER_ID STREQUAL "GNU")
    # The instrumentation adds branches along which GCC 12 believes variables unset.
    target_compile_options(sterna_flags INTERFACE -Wno-maybe-uninitialized)
  endif()
endif()
if(STERNA_FUZZ)
  if(NOT CMAKE_CXX_COMPILER_ID STREQUAL "Clang")
    message(FATAL_ERROR "STERNA_FUZZ needs clang (libFuzzer): use the fuzz preset, found ${CMAKE_CXX_COMPILER_ID}")
  endif()
  # clang 19 calls std::stable_sort of Debian's libstdc++ 12 deprecated, for what it allocates inside.
  target_compile_options(sterna_flags INTERFACE -fsanitize=fuzzer-no-link -Wno-deprecated-declarations)
endif()

# A compiler cache, where one is installed and its directory can be written (it fails every compilation otherwise).
find_program(STERNA_CCACHE ccache)
mark_as_advanced(STERNA_CCACHE)
if(STERNA_CCACHE AND NOT CMAKE_CXX_COMPILER_LAUNCHER)
  file(WRITE ${CMAKE_BINARY_DIR}/ccache_probe.cc "")
  execute_process(COMMAND ${STERNA_CCACHE} ${CMAKE_CXX_COMPILER} -c ccache_probe.cc -o ccache_probe.o
                  WORKING_DIRECTORY ${CMAKE_BINARY_DIR} RESULT_VARIABLE STERNA_CCACHE_FAILED OUTPUT_QUIET ERROR_QUIET)
  if(NOT STERNA_CCACHE_FAILED)
    set(CMAKE_CXX_COMPILER_LAUNCHER ${STERNA_CCACHE})
  endif()
endif()
