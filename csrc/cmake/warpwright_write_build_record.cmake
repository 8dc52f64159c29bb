include_guard()

# warpwright_write_build_record(<file>)
#
# Writes the JSON record that the wheel carries as warpwright/_build.json: what it was built from and for. The version
# comes from scikit-build-core, with the lane's label, as in the wheel's METADATA.
function(warpwright_write_build_record file)
  set(version "0+cmake")
  if(DEFINED SKBUILD_PROJECT_VERSION_FULL)
    set(version "${SKBUILD_PROJECT_VERSION_FULL}")
  endif()
  list(JOIN sm_set "\", \"" sms)
  string(REGEX MATCH "^[0-9]+\\.[0-9]+" cuda "${CMAKE_CUDA_COMPILER_VERSION}")
  file(CONFIGURE OUTPUT "${file}" @ONLY CONTENT [[{
  "schema": 1,
  "version": "@version@",
  "lane": "@WARPWRIGHT_LANE@",
  "cuda": "@cuda@",
  "nvcc": "@CMAKE_CUDA_COMPILER_VERSION@",
  "build_type": "@CMAKE_BUILD_TYPE@",
  "sm_set": ["@sms@"],
  "cutlass": "@WARPWRIGHT_CUTLASS_COMMIT@",
  "flashinfer": "@WARPWRIGHT_FLASHINFER_COMMIT@"
}
]])
endfunction()
