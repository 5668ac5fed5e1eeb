# Instruction-set variants. A file named here is the only place where its ISA flags apply; such files hold intrinsics, PODs and
# anonymous-namespace helpers only. tests/checks/isa_objects.py proves with nm that they define no weak symbol (the linker could
# otherwise keep their copy of a shared inline function and run it on a CPU without the ISA), and with objdump that no other file
# contains an AVX instruction.
set(STERNA_ISA_FLAGS_avx2    -mavx2 -mfma -mf16c)
set(STERNA_ISA_FLAGS_avxvnni -mavx2 -mfma -mf16c -mavxvnni)
set(STERNA_ISA_FLAGS_avx512  -mavx512f -mavx512bw -mavx512vl -mavx512dq -mavx512vnni -mfma -mf16c)
if(CMAKE_SYSTEM_PROCESSOR MATCHES "^(x86_64|AMD64)$")
  set(STERNA_X86_64 ON)
else()
  set(STERNA_X86_64 OFF)
endif()

# Kernels take checked arguments and raw pointers: hardening would only cost there (register pressure, zeroed tiles, calls to the
# checked memcpy). Source options follow the target's on the command line, so these win.
set(STERNA_ISA_COMMON_FLAGS -fno-exceptions -fno-rtti -fno-stack-protector -U_FORTIFY_SOURCE -U_GLIBCXX_ASSERTIONS)
if("-ftrivial-auto-var-init=zero" IN_LIST STERNA_HARDENING)
  list(APPEND STERNA_ISA_COMMON_FLAGS -ftrivial-auto-var-init=uninitialized)
endif()

# sterna_isa_sources(<room> <isa> <file>...): adds the files, each named <name>_<isa>.cc, to the room's library with the flags of
# that ISA.
function(sterna_isa_sources room isa)
  if(NOT DEFINED STERNA_ISA_FLAGS_${isa})
    message(FATAL_ERROR "sterna_isa_sources(${room} ${isa}): no such ISA; cmake/isa.cmake lists them")
  endif()
  if(NOT STERNA_X86_64 OR NOT ARGN)
    return()
  endif()
  target_sources(sterna_${room} PRIVATE ${ARGN})
  set_source_files_properties(${ARGN} TARGET_DIRECTORY sterna_${room} PROPERTIES
    COMPILE_OPTIONS "${STERNA_ISA_FLAGS_${isa}};${STERNA_ISA_COMMON_FLAGS}")
endfunction()
