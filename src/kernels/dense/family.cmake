sterna_kernel_family(dense
  SOURCES kernels.cc linear_ref.cc
  AVX2 linear_avx2.cc
  AVX512 linear_avx512.cc
  NEON linear_neon.cc
  TESTS decoded_types_test.cc linear_test.cc)
if(CMAKE_CXX_COMPILER_ID STREQUAL "GNU" AND STERNA_X86_64)
  # The warnings are false: GCC's own headers make undefined vectors by self-assignment.
  set_property(SOURCE dense/linear_avx2.cc dense/linear_avx512.cc
    APPEND PROPERTY COMPILE_OPTIONS -Wno-uninitialized -Wno-maybe-uninitialized)
endif()
