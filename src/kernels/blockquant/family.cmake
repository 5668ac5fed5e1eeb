sterna_kernel_family(blockquant
  SOURCES kernels.cc linear_ref.cc quantize_ref.cc tiles.cc
  AVX2 linear_avx2.cc quantize_avx2.cc
  AVX512 linear_avx512.cc quantize_avx512.cc
  NEON linear_neon.cc quantize_neon.cc
  NEON_DOTPROD linear_neon_dotprod.cc
  TESTS linear_test.cc quantize_test.cc tiles_test.cc)
