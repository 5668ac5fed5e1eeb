# sterna_room(<name> SOURCES <file>... [DEPENDS <room>...] [LIBRARIES <target>...] [TESTS <file>...] [TEST_LIBRARIES <target>...])
# One static library per room, and one test program for its tests. DEPENDS is the declaration that tools/check_rooms.py enforces:
# a file of the room may include headers of these rooms and of no other.
function(sterna_room name)
  cmake_parse_arguments(ROOM "" "" "SOURCES;DEPENDS;LIBRARIES;TESTS;TEST_LIBRARIES" ${ARGN})
  add_library(sterna_${name} STATIC ${ROOM_SOURCES})
  target_include_directories(sterna_${name} PUBLIC ${CMAKE_SOURCE_DIR}/src)
  target_link_libraries(sterna_${name} PRIVATE sterna_flags fmt::fmt ${ROOM_LIBRARIES})
  list(TRANSFORM ROOM_DEPENDS PREPEND sterna_)
  target_link_libraries(sterna_${name} PUBLIC ${ROOM_DEPENDS})
  if(STERNA_TESTS AND ROOM_TESTS)
    add_executable(sterna_${name}_test ${ROOM_TESTS})
    target_link_libraries(sterna_${name}_test PRIVATE sterna_${name} sterna_flags fmt::fmt GTest::gtest GTest::gmock GTest::gtest_main
                          ${ROOM_TEST_LIBRARIES})
    target_compile_definitions(sterna_${name}_test PRIVATE STERNA_FIXTURES="${CMAKE_SOURCE_DIR}/tests/fixtures")
    gtest_discover_tests(sterna_${name}_test DISCOVERY_MODE PRE_TEST TEST_PREFIX ${name}.)
  endif()
endfunction()
