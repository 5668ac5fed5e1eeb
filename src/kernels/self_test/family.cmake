sterna_kernel_family(self_test
  SOURCES block_cases.cc float_cases.cc linear_cases.cc screen_cases.cc self_test.cc
  TESTS self_test_test.cc)
