# Filled by the family: sterna_kernel_family(attention SOURCES … AVX2 … TESTS …)
