# Filled by the family: sterna_kernel_family(norm SOURCES … AVX2 … TESTS …)
