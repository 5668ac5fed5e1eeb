# Filled by the family: sterna_kernel_family(dense SOURCES … AVX2 … TESTS …)
