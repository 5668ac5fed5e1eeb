# sterna_fuzz(<name> SOURCES <file>... DEPENDS <room>...): the libFuzzer program fuzz_<name>. Its seed corpus lies in
# fuzz/corpus/<name>/, a dictionary may lie in fuzz/<name>.dict; tools/fuzz.sh replays the one and fuzzes with both.
function(sterna_fuzz name)
  cmake_parse_arguments(FUZZ "" "" "SOURCES;DEPENDS" ${ARGN})
  add_executable(fuzz_${name} ${FUZZ_SOURCES})
  list(TRANSFORM FUZZ_DEPENDS PREPEND sterna_)
  target_link_libraries(fuzz_${name} PRIVATE ${FUZZ_DEPENDS} sterna_flags fmt::fmt)
  target_link_options(fuzz_${name} PRIVATE -fsanitize=fuzzer)
endfunction()
