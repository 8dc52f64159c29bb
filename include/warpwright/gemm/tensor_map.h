// Tensor maps, which tell TMA how a matrix lies in memory. The driver encodes them on the host; its function is found
// through the runtime, so that the extension needs no libcuda to load.
#pragma once

#include <cuda.h>
#include <cuda_runtime_api.h>

#include <cstdint>

#include "warpwright/status.h"

namespace warpwright {

using EncodeTensorMap = decltype(&cuTensorMapEncodeTiled);

inline EncodeTensorMap encode_tensor_map() {
  static const EncodeTensorMap function = [] {
    void* found = nullptr;
    cudaDriverEntryPointQueryResult result = cudaDriverEntryPointSymbolNotFound;
#if CUDART_VERSION >= 12050  // the older function is gone from CUDA 13
    const cudaError_t error = take_error(
        cudaGetDriverEntryPointByVersion("cuTensorMapEncodeTiled", &found, 12000, cudaEnableDefault, &result));
#else
    const cudaError_t error =
        take_error(cudaGetDriverEntryPoint("cuTensorMapEncodeTiled", &found, cudaEnableDefault, &result));
#endif
    return error == cudaSuccess && result == cudaDriverEntryPointSuccess ? reinterpret_cast<EncodeTensorMap>(found)
                                                                          : nullptr;
  }();
  return function;
}

// The map of a row-major matrix, moved in boxes whose rows are 128 bytes, in the 128-byte swizzle. What lies outside the
// matrix arrives as zeros and is not written.
inline Status make_matrix_map(CUtensorMap* map, CUtensorMapDataType type, int element_bytes, const void* data,
                              int64_t rows, int64_t columns, int64_t row_stride, int box_rows) {
  if (encode_tensor_map() == nullptr) return Status::refused("this driver has no cuTensorMapEncodeTiled");
  const cuuint64_t sizes[] = {cuuint64_t(columns), cuuint64_t(rows)};
  const cuuint64_t strides[] = {cuuint64_t(row_stride * element_bytes)};
  const cuuint32_t box[] = {cuuint32_t(128 / element_bytes), cuuint32_t(box_rows)}, steps[] = {1, 1};
  const CUresult result = encode_tensor_map()(map, type, 2, const_cast<void*>(data), sizes, strides, box, steps,
                                              CU_TENSOR_MAP_INTERLEAVE_NONE, CU_TENSOR_MAP_SWIZZLE_128B,
                                              CU_TENSOR_MAP_L2_PROMOTION_L2_256B, CU_TENSOR_MAP_FLOAT_OOB_FILL_NONE);
  if (result == CUDA_SUCCESS) return Status::success();
  if (result != CUDA_ERROR_INVALID_VALUE) return Status::refused("the driver made no tensor map: it has no context here");
  return Status::refused("TMA cannot move this matrix: its address and row stride must be multiples of 16 bytes");
}

// row_stride is in elements.
inline Status make_byte_matrix_map(CUtensorMap* map, const void* data, int64_t rows, int64_t columns,
                                   int64_t row_stride, int box_rows) {
  return make_matrix_map(map, CU_TENSOR_MAP_DATA_TYPE_UINT8, 1, data, rows, columns, row_stride, box_rows);
}

// The output, fp16 or bf16 alike: TMA only moves it.
inline Status make_out_map(CUtensorMap* map, void* data, int64_t rows, int64_t columns, int box_rows) {
  return make_matrix_map(map, CU_TENSOR_MAP_DATA_TYPE_UINT16, 2, data, rows, columns, columns, box_rows);
}

}  // namespace warpwright
