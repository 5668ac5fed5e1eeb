sterna_kernel_family(rope
  SOURCES kernels.cc rope_ref.cc
  AVX2 rope_avx2.cc
  AVX512 rope_avx512.cc
  NEON rope_neon.cc
  TESTS rope_test.cc)
