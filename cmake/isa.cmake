# Instruction-set variants. A file named here is the only place where its ISA flags apply; such files hold intrinsics, PODs and
# anonymous-namespace helpers only, and tests/checks proves with nm that they define no weak symbol.
set(STERNA_ISA_FLAGS_avx2    -mavx2 -mfma -mf16c)
set(STERNA_ISA_FLAGS_avxvnni -mavx2 -mfma -mf16c -mavxvnni)
set(STERNA_ISA_FLAGS_avx512  -mavx512f -mavx512bw -mavx512vl -mavx512dq -mavx512vnni -mfma -mf16c)
if(CMAKE_SYSTEM_PROCESSOR MATCHES "^(x86_64|AMD64)$")
  set(STERNA_X86_64 ON)
else()
  set(STERNA_X86_64 OFF)
endif()

# sterna_isa_sources(<room> <isa> <file>...): adds the files to the room's library with the flags of that ISA.
function(sterna_isa_sources room isa)
  if(NOT STERNA_X86_64 OR NOT ARGN)
    return()
  endif()
  target_sources(sterna_${room} PRIVATE ${ARGN})
  set_source_files_properties(${ARGN} PROPERTIES
    COMPILE_OPTIONS "${STERNA_ISA_FLAGS_${isa}};-fno-exceptions;-fno-rtti")
  set_property(GLOBAL APPEND PROPERTY STERNA_ISA_TARGETS sterna_${room})
endfunction()
