include_guard()
include(warpwright_choose_architectures)
include(warpwright_hide_paths)

# warpwright_add_kernel(<launch> <source> <sm>... [ALSO <operator>...] [USES <dependency>...])
#
# Adds the unit <source> (below csrc/), which defines the launch function <launch> and serves the given SMs, to the
# target warpwright_kernels. It is compiled for the members of the directory's sm_set that it has to be compiled for, in
# an object library of its own; a unit that serves none of them is left out. The unit's own operator is <launch> less a
# trailing _sm<NN>; ALSO names the others that call the same launch function. The path table of each gets one row for
# each architecture. The device code carries <launch> and the other operators as its name, joined by +, so that the
# finished binary itself says whose a kernel is.
function(warpwright_add_kernel launch source)
  cmake_parse_arguments(PARSE_ARGV 2 unit "" "" "ALSO;USES")
  if(NOT unit_UNPARSED_ARGUMENTS)
    message(FATAL_ERROR "warpwright_add_kernel(${launch}): no SM named; list the SMs that ${source} serves")
  endif()
  if(unit_KEYWORDS_MISSING_VALUES)
    message(FATAL_ERROR "warpwright_add_kernel(${launch}): nothing stands behind ${unit_KEYWORDS_MISSING_VALUES}; "
                        "name what it announces, or take the word away")
  endif()
  if(NOT EXISTS "${CMAKE_CURRENT_SOURCE_DIR}/csrc/${source}")
    message(FATAL_ERROR "warpwright_add_kernel(${launch}): there is no csrc/${source}")
  endif()
  foreach(dependency IN LISTS unit_USES)
    if(NOT TARGET warpwright_${dependency})
      message(FATAL_ERROR "warpwright_add_kernel(${launch}): USES names ${dependency}, which is no dependency; "
                          "correct it, or pin ${dependency} in matrix.toml and add it by warpwright_add_dependencies")
    endif()
  endforeach()
  if(TARGET warpwright_unit_${launch})
    message(FATAL_ERROR "warpwright_add_kernel(${launch}): named twice; a launch function has one unit")
  endif()
  foreach(operator IN LISTS unit_ALSO)
    if(NOT operator MATCHES "^[a-z][a-z0-9_]*$" OR operator MATCHES "_sm[0-9]+[a-z]?$")
      message(FATAL_ERROR "warpwright_add_kernel(${launch}): '${operator}' behind ALSO is no operator; name operators "
                          "there, without an SM, and the unit's SMs before it")
    endif()
  endforeach()
  string(REGEX REPLACE "_sm[0-9]+[a-z]?$" "" own "${launch}")
  set(operators ${own} ${unit_ALSO})
  warpwright_choose_architectures("${unit_UNPARSED_ARGUMENTS}" "${sm_set}" architectures)
  foreach(operator IN LISTS operators)
    _warpwright_note_server(${operator} ${launch} "${unit_UNPARSED_ARGUMENTS}")
    _warpwright_note_paths(${operator} ${launch} "${architectures}")
  endforeach()

  if(NOT TARGET warpwright_kernels)
    add_library(warpwright_kernels INTERFACE)
  endif()
  if(architectures)
    set(name ${launch} ${unit_ALSO})
    list(JOIN name "+" name)
    _warpwright_add_unit(${launch} ${source} ${name} "${architectures}" "${unit_USES}")
  endif()
endfunction()

# Notes that the launch function serves an operator for some SMs, which no other may do: a path table has one row for
# each. SMs that the lane does not carry count as well, so that a row is wrong in every lane or in none.
function(_warpwright_note_server operator launch served)
  foreach(sm IN LISTS served)
    get_property(other GLOBAL PROPERTY warpwright_server_${operator}_${sm})
    if(other)
      message(FATAL_ERROR "warpwright_add_kernel(${launch}): ${operator} is named twice for SM ${sm}, ${other} serves "
                          "it already; an operator has one launch function for each SM, take it from one of the rows")
    endif()
    set_property(GLOBAL PROPERTY warpwright_server_${operator}_${sm} "${launch}")
  endforeach()
endfunction()

# Notes the rows of an operator's path table, which warpwright_write_paths writes.
function(_warpwright_note_paths operator launch architectures)
  set_property(GLOBAL APPEND PROPERTY warpwright_operators "${operator}")
  foreach(architecture IN LISTS architectures)
    set_property(GLOBAL APPEND PROPERTY warpwright_paths_${operator} "${architecture}")
    set_property(GLOBAL PROPERTY warpwright_launch_${operator}_${architecture} "${launch}")
  endforeach()
endfunction()

# Adds the object library of a unit, whose device code carries a name.
function(_warpwright_add_unit launch source name architectures dependencies)
  list(TRANSFORM architectures REPLACE "^([0-9]+[a-z]?)$" "\\1-real")
  list(TRANSFORM architectures REPLACE "-ptx$" "-virtual")
  set(unit warpwright_unit_${launch})
  add_library(${unit} OBJECT csrc/${source})
  set_target_properties(${unit} PROPERTIES CUDA_ARCHITECTURES "${architectures}")
  target_link_libraries(${unit} PRIVATE warpwright_headers)
  foreach(dependency IN LISTS dependencies)
    target_link_libraries(${unit} PRIVATE warpwright_${dependency})
  endforeach()
  target_compile_options(${unit} PRIVATE
    $<$<CONFIG:RelWithDebInfo>:-lineinfo>
    $<$<CONFIG:Debug>:-G>
    --expt-relaxed-constexpr
    -Xfatbin=-ident=${name}
    -Werror=all-warnings)
  warpwright_hide_paths(${unit})
  target_link_libraries(warpwright_kernels INTERFACE $<TARGET_OBJECTS:${unit}>)
  add_dependencies(warpwright_kernels ${unit})
endfunction()
