# Filled by the family: sterna_kernel_family(ternary SOURCES … AVX2 … TESTS …)
