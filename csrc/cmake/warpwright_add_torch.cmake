include_guard()

# warpwright_add_torch(<torch_dir>)
#
# Adds the target warpwright_torch: the headers of the libtorch stable ABI for torch 2.10 and newer, and the two
# libraries that define it. find_package(Torch) is not used: it wants a full CUDA toolkit and adds the unstable API.
function(warpwright_add_torch torch_dir)
  foreach(needed include/torch/csrc/stable/library.h lib/libtorch.so lib/libtorch_cpu.so)
    if(NOT EXISTS "${torch_dir}/${needed}")
      message(FATAL_ERROR "WARPWRIGHT_TORCH_DIR is '${torch_dir}', which has no ${needed}: "
                          "pass the folder of an installed torch of 2.10 or newer")
    endif()
  endforeach()
  add_library(warpwright_torch INTERFACE)
  target_include_directories(warpwright_torch SYSTEM INTERFACE "${torch_dir}/include")
  # 0x020a... is 2.10: the major and minor version are bytes, so 0x0210... would be 2.16.
  target_compile_definitions(warpwright_torch INTERFACE TORCH_TARGET_VERSION=0x020a000000000000 USE_CUDA)
  target_link_libraries(warpwright_torch INTERFACE "${torch_dir}/lib/libtorch.so" "${torch_dir}/lib/libtorch_cpu.so")
  # Both are needed by name, whatever the linker thinks of their symbols: torch has loaded them before the extension.
  target_link_options(warpwright_torch INTERFACE LINKER:--no-as-needed LINKER:--allow-shlib-undefined)
  # The libraries of torch's builds for CPU and CUDA differ: what they define beside the stable ABI is to change nothing.
  target_link_options(warpwright_torch INTERFACE
                      "LINKER:--version-script=${CMAKE_CURRENT_FUNCTION_LIST_DIR}/exports.map")
  set_target_properties(warpwright_torch PROPERTIES INTERFACE_LINK_DEPENDS
                        "${CMAKE_CURRENT_FUNCTION_LIST_DIR}/exports.map")
endfunction()
