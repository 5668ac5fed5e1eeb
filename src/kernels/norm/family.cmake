sterna_kernel_family(norm
  SOURCES kernels.cc rms_norm_ref.cc
  AVX2 rms_norm_avx2.cc
  AVX512 rms_norm_avx512.cc
  NEON rms_norm_neon.cc
  TESTS rms_norm_test.cc)
