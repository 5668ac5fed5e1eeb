# The vector forms of Exp are headers of other families' variants; these files call them lane by lane for exp_test.cc.
if(STERNA_TESTS AND STERNA_X86_64)
  target_sources(sterna_kernels_test PRIVATE exp/exp_avx2_probe.cc exp/exp_avx512_probe.cc)
  foreach(isa avx2 avx512)
    set_source_files_properties(exp/exp_${isa}_probe.cc PROPERTIES
      COMPILE_OPTIONS "${STERNA_ISA_FLAGS_${isa}};-fno-exceptions;-fno-rtti")
  endforeach()
  if(CMAKE_CXX_COMPILER_ID STREQUAL "GNU")
    set_property(SOURCE exp/exp_avx512_probe.cc APPEND PROPERTY COMPILE_OPTIONS -Wno-uninitialized -Wno-maybe-uninitialized)
  endif()
elseif(STERNA_TESTS AND STERNA_AARCH64)
  target_sources(sterna_kernels_test PRIVATE exp/exp_neon_probe.cc)
  set_source_files_properties(exp/exp_neon_probe.cc PROPERTIES COMPILE_OPTIONS "${STERNA_ISA_FLAGS_neon};-fno-exceptions;-fno-rtti")
endif()
