sterna_kernel_family(screen
  SOURCES encode.cc input.cc kernels.cc screen_ref.cc
  AVX2 screen_avx2.cc
  AVX512 screen_avx512.cc
  TESTS screen_bounds_test.cc screen_test.cc)
