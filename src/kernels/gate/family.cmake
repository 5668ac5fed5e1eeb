# Filled by the family: sterna_kernel_family(gate SOURCES … AVX2 … TESTS …)
