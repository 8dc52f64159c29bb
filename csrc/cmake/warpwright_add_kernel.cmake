include_guard()
include(warpwright_choose_architectures)
include(warpwright_hide_paths)

# warpwright_add_kernel(<launch> <source> <sm>... [USES <dependency>...])
#
# Adds the unit <source> (below csrc/), which defines the launch function <launch> and serves the given SMs, to the
# target warpwright_kernels. It is compiled for the members of the directory's sm_set that it has to be compiled for, in
# an object library of its own; a unit that serves none of them is left out. The path table of the operator, which is
# <launch> less a trailing _sm<NN>, gets one row for each architecture. The device code carries <launch> as its name, so
# that the finished binary itself says which operator owns a kernel.
function(warpwright_add_kernel launch source)
  cmake_parse_arguments(PARSE_ARGV 2 unit "" "" "USES")
  if(NOT unit_UNPARSED_ARGUMENTS)
    message(FATAL_ERROR "warpwright_add_kernel(${launch}): no SM named; list the SMs that ${source} serves")
  endif()
  if(NOT EXISTS "${CMAKE_CURRENT_SOURCE_DIR}/csrc/${source}")
    message(FATAL_ERROR "warpwright_add_kernel(${launch}): there is no csrc/${source}")
  endif()
  if(TARGET warpwright_unit_${launch})
    message(FATAL_ERROR "warpwright_add_kernel(${launch}): named twice; a launch function has one unit")
  endif()
  if(NOT TARGET warpwright_kernels)
    add_library(warpwright_kernels INTERFACE)
  endif()

  string(REGEX REPLACE "_sm[0-9]+[a-z]?$" "" operator "${launch}")
  set_property(GLOBAL APPEND PROPERTY warpwright_operators "${operator}")
  warpwright_choose_architectures("${unit_UNPARSED_ARGUMENTS}" "${sm_set}" architectures)
  if(NOT architectures)
    return()
  endif()
  set_property(GLOBAL APPEND PROPERTY warpwright_paths_${operator} ${architectures})
  foreach(architecture IN LISTS architectures)
    set_property(GLOBAL PROPERTY warpwright_launch_${operator}_${architecture} "${launch}")
  endforeach()
  _warpwright_add_unit(${launch} ${source} "${architectures}" "${unit_USES}")
endfunction()

function(_warpwright_add_unit launch source architectures dependencies)
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
    -Xfatbin=-ident=${launch}
    -Werror=all-warnings)
  warpwright_hide_paths(${unit})
  target_link_libraries(warpwright_kernels INTERFACE $<TARGET_OBJECTS:${unit}>)
  add_dependencies(warpwright_kernels ${unit})
endfunction()
