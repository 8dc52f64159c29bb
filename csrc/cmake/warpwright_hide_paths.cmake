include_guard()

# warpwright_hide_paths(<target>)
#
# Makes __FILE__ the same in every checkout: the path of a file from the build folder, which is also what ccache makes
# of the arguments, so that the binary is the same with ccache and without it.
function(warpwright_hide_paths target)
  if(NOT TARGET ${target})
    message(FATAL_ERROR "warpwright_hide_paths: '${target}' is no target")
  endif()
  file(RELATIVE_PATH source "${CMAKE_BINARY_DIR}" "${CMAKE_SOURCE_DIR}")
  string(REGEX REPLACE "/$" "" source "${source}")
  cmake_path(GET CMAKE_BINARY_DIR PARENT_PATH lane)
  # The last one that fits counts. The links to the toolchain and to the sources lie beside the build folder.
  set(maps "-ffile-prefix-map=${CMAKE_SOURCE_DIR}=${source}" "-ffile-prefix-map=${lane}=..")
  # ccache does not know these flags behind -Xcompiler and would miss in another folder; it needs none of them.
  set(without_ccache "$<NOT:$<BOOL:${CMAKE_CUDA_COMPILER_LAUNCHER}>>")
  foreach(map IN LISTS maps)
    target_compile_options(${target} PRIVATE
      $<$<COMPILE_LANGUAGE:CXX>:${map}>
      $<$<AND:$<COMPILE_LANGUAGE:CUDA>,${without_ccache}>:-Xcompiler=${map}>)
  endforeach()
  if(CMAKE_CXX_COMPILER_ID STREQUAL "GNU")
    # GCC would follow the links to headers of the system kind, where that makes the path shorter.
    target_compile_options(${target} PRIVATE
      $<$<COMPILE_LANGUAGE:CXX>:-fno-canonical-system-headers>
      $<$<COMPILE_LANGUAGE:CUDA>:-Xcompiler=-fno-canonical-system-headers>)
  endif()
endfunction()
