#include "elementwise/concat_mla.h"

#include "torch/checks.h"

namespace warpwright::torch_api {

void check_concat_dtypes(const Arg& first, const Arg& second) {
  check_dtype(first, {ScalarType::Half, ScalarType::BFloat16, ScalarType::Float, ScalarType::Float8_e4m3fn});
  check_same_dtype(second, first);
}

ConcatPart concat_part_of(const Arg& arg, int64_t group_stride, int64_t row_stride) {
  ConcatPart part;
  const int64_t bytes = arg.element_bytes();
  part.start = arg.data();
  part.bytes = arg.size(arg.dim() - 1) * bytes;
  if (arg.size(0) > 1) part.group_stride = group_stride * bytes;
  if (arg.dim() > 2 && arg.size(1) > 1) part.row_stride = row_stride * bytes;
  return part;
}

}  // namespace warpwright::torch_api
