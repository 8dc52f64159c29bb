include_guard()

# warpwright_choose_architectures(<served> <sm_set> <out>)
#
# The members of <sm_set> that a unit serving <served> has to be compiled for: those that it serves, less each one that
# runs the code of another. A GPU of SM 8.6 runs sm_80 code (CUDA C++ Programming Guide, "Binary Compatibility": the
# same major version, the same or a newer minor version); sm_90a code runs on 9.0 alone.
function(warpwright_choose_architectures served sm_set out)
  set(chosen "")
  foreach(sm IN LISTS sm_set)
    string(REPLACE "-ptx" "" bare "${sm}")
    if(NOT bare IN_LIST served)
      continue()
    endif()
    set(covered FALSE)
    foreach(other IN LISTS chosen)
      _warpwright_covers("${other}" "${sm}" covers)
      if(covers)
        set(covered TRUE)
      endif()
    endforeach()
    if(NOT covered)
      list(APPEND chosen "${sm}")
    endif()
  endforeach()
  set(${out} "${chosen}" PARENT_SCOPE)
endfunction()

# True where code for SM <a> runs on a GPU of SM <b>, for two plain SMs with a <= b.
function(_warpwright_covers a b out)
  set(${out} FALSE PARENT_SCOPE)
  if(a MATCHES "^([0-9]+)[0-9]$")
    set(major "${CMAKE_MATCH_1}")
    if(b MATCHES "^${major}[0-9]$" AND a LESS_EQUAL b)
      set(${out} TRUE PARENT_SCOPE)
    endif()
  endif()
endfunction()
