include_guard()
include(warpwright_hide_paths)

# warpwright_set_host_options(<extension>)
#
# Warnings, hardening and reproducible output for the extension module.
function(warpwright_set_host_options extension)
  if(NOT TARGET ${extension})
    message(FATAL_ERROR "warpwright_set_host_options: '${extension}' is no target")
  endif()
  target_compile_options(${extension} PRIVATE
    -Wall -Wextra -Werror)
  warpwright_hide_paths(${extension})
  target_link_options(${extension} PRIVATE
    LINKER:-z,relro LINKER:-z,now LINKER:-z,noexecstack
    LINKER:--exclude-libs,ALL      # the static CUDA runtime stays private: torch has one of its own
    LINKER:--build-id=none
    $<$<CONFIG:Release>:LINKER:--strip-all>)
  set_target_properties(${extension} PROPERTIES SKIP_BUILD_RPATH ON)
endfunction()
