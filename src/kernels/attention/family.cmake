sterna_kernel_family(attention
  SOURCES kernels.cc attention_ref.cc
  AVX2 attention_avx2.cc
  AVX512 attention_avx512.cc
  NEON attention_neon.cc
  TESTS attention_test.cc)
