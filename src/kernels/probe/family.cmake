sterna_kernel_family(probe
  SOURCES kernels.cc probe_ref.cc
  AVX2 probe_avx2.cc
  AVXVNNI probe_avxvnni.cc
  AVX512 probe_avx512.cc
  TESTS probe_test.cc)
