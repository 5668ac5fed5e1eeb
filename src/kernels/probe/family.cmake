sterna_kernel_family(probe
  SOURCES kernels.cc probe_ref.cc
  AVX2 probe_avx2.cc
  AVXVNNI probe_avxvnni.cc
  AVX512 probe_avx512.cc
  NEON probe_neon.cc
  NEON_DOTPROD probe_neon_dotprod.cc
  NEON_I8MM probe_neon_i8mm.cc
  TESTS probe_test.cc)
