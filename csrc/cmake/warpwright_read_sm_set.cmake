include_guard()

# warpwright_read_sm_set(<sm_set> <out>)
#
# Checks a lane's SM set, a list of SMs such as 80, 90a or 80-ptx, and stores it sorted in <out>. An empty set, a word
# that is no SM and an SM named twice are errors.
function(warpwright_read_sm_set sm_set out)
  if(sm_set STREQUAL "")
    message(FATAL_ERROR "WARPWRIGHT_SM_SET is empty: name at least one SM, for example 75;80;86;89;90a")
  endif()
  set(seen "")
  foreach(sm IN LISTS sm_set)
    if(NOT sm MATCHES "^[1-9][0-9][0-9]?[a-z]?(-ptx)?$")
      message(FATAL_ERROR "WARPWRIGHT_SM_SET has '${sm}', which is no SM: expected 80, 90a or 80-ptx")
    endif()
    if(sm IN_LIST seen)
      message(FATAL_ERROR "WARPWRIGHT_SM_SET names ${sm} twice: '${sm_set}'")
    endif()
    list(APPEND seen "${sm}")
  endforeach()
  list(SORT seen COMPARE NATURAL)
  set(${out} "${seen}" PARENT_SCOPE)
endfunction()
