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
if(STERNA_SANITIZE)
  target_compile_options(sterna_flags INTERFACE -fsanitize=${STERNA_SANITIZE} -fno-sanitize-recover=all -fno-omit-frame-pointer)
  target_link_options(sterna_flags INTERFACE -fsanitize=${STERNA_SANITIZE})
endif()
