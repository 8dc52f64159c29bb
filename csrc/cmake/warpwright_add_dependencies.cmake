include_guard()
include(FetchContent)

# warpwright_add_dependencies(CUTLASS_COMMIT <sha> FLASHINFER_COMMIT <sha>)
#
# Adds the header-only targets warpwright_cutlass and warpwright_flashinfer. FetchContent gets them from git by commit,
# unless FETCHCONTENT_SOURCE_DIR_CUTLASS and FETCHCONTENT_SOURCE_DIR_FLASHINFER name folders that hold them: the
# pipeline names the folders that it filled from hash-checked packages, so its builds need no git host.
function(warpwright_add_dependencies)
  cmake_parse_arguments(PARSE_ARGV 0 arg "" "CUTLASS_COMMIT;FLASHINFER_COMMIT" "")
  _warpwright_add_headers(cutlass https://github.com/NVIDIA/cutlass.git "${arg_CUTLASS_COMMIT}"
                          include tools/util/include)
  _warpwright_add_headers(flashinfer https://github.com/flashinfer-ai/flashinfer.git "${arg_FLASHINFER_COMMIT}" include)
endfunction()

function(_warpwright_add_headers name repository commit)
  string(TOUPPER ${name} upper)
  if(NOT FETCHCONTENT_SOURCE_DIR_${upper} AND NOT commit MATCHES "^[0-9a-f]+$")
    message(FATAL_ERROR "WARPWRIGHT_${upper}_COMMIT is '${commit}': pass a full commit of ${repository}, or "
                        "FETCHCONTENT_SOURCE_DIR_${upper} with a folder that holds its include/")
  endif()
  # SOURCE_SUBDIR names a folder without a CMakeLists.txt: only the headers are wanted, not the project's own targets.
  FetchContent_Declare(${name} GIT_REPOSITORY ${repository} GIT_TAG ${commit} SOURCE_SUBDIR include)
  FetchContent_MakeAvailable(${name})
  set(folders ${ARGN})
  list(TRANSFORM folders PREPEND "${${name}_SOURCE_DIR}/")
  add_library(warpwright_${name} INTERFACE)
  target_include_directories(warpwright_${name} SYSTEM INTERFACE ${folders})
endfunction()
