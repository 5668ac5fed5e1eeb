sterna_kernel_family(ternary
  SOURCES five_trit_linear_ref.cc five_trit_pack.cc kernels.cc layouts.cc linear_ref.cc pack.cc quantize_ref.cc
  AVX2 linear_avx2.cc quantize_avx2.cc
  AVXVNNI linear_avxvnni.cc
  AVX512 linear_avx512.cc quantize_avx512.cc
  AVX512VBMI five_trit_linear_avx512vbmi.cc
  NEON linear_neon.cc quantize_neon.cc
  NEON_DOTPROD linear_neon_dotprod.cc
  NEON_I8MM linear_neon_i8mm.cc
  TESTS linear_test.cc pack_test.cc quantize_test.cc)

# The AVX-VNNI variant once more, encoded for AVX-512 processors: part of the tests, not of the library.
if(STERNA_TESTS AND STERNA_X86_64)
  target_sources(sterna_kernels_test PRIVATE ternary/linear_avxvnni_evex.cc)
  set_source_files_properties(ternary/linear_avxvnni_evex.cc PROPERTIES
    COMPILE_OPTIONS "${STERNA_ISA_FLAGS_avx512};${STERNA_ISA_COMMON_FLAGS}")
endif()

if(CMAKE_CXX_COMPILER_ID STREQUAL "GNU" AND STERNA_X86_64)
  # GCC 12 otherwise pulls the first step of the epilogue into the loops of the products, which costs two register moves for each
  # vpdpbusd and spills the sums.
  set_property(SOURCE ternary/linear_avx2.cc ternary/linear_avxvnni.cc ternary/linear_avx512.cc ternary/linear_avxvnni_evex.cc
    ternary/five_trit_linear_avx512vbmi.cc APPEND PROPERTY COMPILE_OPTIONS -fno-tree-pre)
endif()
