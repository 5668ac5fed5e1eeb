# Instruction-set variants. A file named here is the only place where its ISA flags apply; such files hold intrinsics, PODs and
# anonymous-namespace helpers only. tests/checks/isa_objects.py proves with nm that they define no weak symbol (the linker could
# otherwise keep their copy of a shared inline function and run it on a CPU without the ISA), and with objdump that no other file
# contains an AVX instruction.
set(STERNA_ISA_FLAGS_avx2    -mavx2 -mfma -mf16c)
set(STERNA_ISA_FLAGS_avxvnni -mavx2 -mfma -mf16c -mavxvnni)
set(STERNA_ISA_FLAGS_avx512  -mavx512f -mavx512bw -mavx512vl -mavx512dq -mavx512vnni -mfma -mf16c)
set(STERNA_ISA_FLAGS_avx512vbmi ${STERNA_ISA_FLAGS_avx512} -mavx512vbmi)
set(STERNA_ISA_FLAGS_neon         -march=armv8-a)
set(STERNA_ISA_FLAGS_neon_dotprod -march=armv8.2-a+dotprod)
set(STERNA_ISA_FLAGS_neon_i8mm    -march=armv8.2-a+dotprod+i8mm)
if(CMAKE_CXX_COMPILER_ID STREQUAL "GNU")
  # GCC 12's scheduling before register allocation moves loads up until the sums of a loop no longer fit the 32 registers (blockquant:
  # 346 spills in the innermost loops with it, 3 without); the scheduling after allocation stays.
  foreach(isa neon neon_dotprod neon_i8mm)
    list(APPEND STERNA_ISA_FLAGS_${isa} -fno-schedule-insns)
  endforeach()
endif()
set(STERNA_X86_64 OFF)
set(STERNA_AARCH64 OFF)
if(CMAKE_SYSTEM_PROCESSOR MATCHES "^(x86_64|AMD64)$")
  set(STERNA_X86_64 ON)
elseif(CMAKE_SYSTEM_PROCESSOR MATCHES "^(aarch64|arm64|ARM64)$")
  set(STERNA_AARCH64 ON)
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
  if(isa MATCHES "^neon")
    set(of_this_architecture ${STERNA_AARCH64})
  else()
    set(of_this_architecture ${STERNA_X86_64})
  endif()
  if(NOT of_this_architecture OR NOT ARGN)
    return()
  endif()
  target_sources(sterna_${room} PRIVATE ${ARGN})
  set_source_files_properties(${ARGN} TARGET_DIRECTORY sterna_${room} PROPERTIES
    COMPILE_OPTIONS "${STERNA_ISA_FLAGS_${isa}};${STERNA_ISA_COMMON_FLAGS}")
endfunction()
