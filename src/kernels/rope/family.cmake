# Filled by the family: sterna_kernel_family(rope SOURCES … AVX2 … TESTS …)
