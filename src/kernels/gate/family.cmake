sterna_kernel_family(gate
  SOURCES kernels.cc gate_ref.cc
  AVX2 gate_avx2.cc
  AVX512 gate_avx512.cc
  NEON gate_neon.cc
  TESTS gate_test.cc)
