#include "gemm/mm_arguments.h"

namespace warpwright::torch_api {

namespace {

// TMA and the 16-byte loads of the older SMs want rows of 16 bytes, which is 16 elements of a and b and 8 of the
// output.
constexpr int64_t kAlignK = 16;
constexpr int64_t kAlignN = 8;

// Sizes that every path takes, with every tile. Coordinates are 32-bit numbers, with room for a tile beyond the end; a
// grid of CUTLASS 2.x has 65535 blocks along y, each of eight tiles of 64 columns.
constexpr int64_t kMostRows = int64_t{1} << 30, kMostColumns = int64_t{65535} * 8 * 64;

// The longest sum of products of -128 by -128 that an int32 holds, as a multiple of kAlignK.
constexpr int64_t kMostInt8K = ((int64_t{1} << 31) - 1) / (128 * 128) / kAlignK * kAlignK;

int64_t most_k(ScalarType element) { return element == ScalarType::Char ? kMostInt8K : kMostRows; }

const char* why_most_k(ScalarType element) {
  return element == ScalarType::Char ? "a longer sum may leave int32" : "longer rows are not supported";
}

}  // namespace

void check_mm_matrices(const Arg& mat_a, const Arg& mat_b, ScalarType element, ScalarType out_dtype) {
  check_same_device(mat_b, mat_a);
  check_dim(mat_a, 2);
  check_dim(mat_b, 2);
  check_dtype(mat_a, {element});
  check_dtype(mat_b, {element});
  check_dtype_value("out_dtype", out_dtype, {ScalarType::Half, ScalarType::BFloat16});
  check_size(mat_b, 0, mat_a.size(1), "the columns of mat_a");
  check_multiple("K, the columns of mat_a,", mat_a.size(1), kAlignK);
  check_multiple("N, the columns of mat_b,", mat_b.size(1), kAlignN);
  check_at_most("M, the rows of mat_a,", mat_a.size(0), kMostRows, "more rows are not supported");
  check_at_most("N, the columns of mat_b,", mat_b.size(1), kMostColumns, "more columns are not supported");
  check_at_most("K, the columns of mat_a,", mat_a.size(1), most_k(element), why_most_k(element));
}

int64_t leading_stride(const Arg& arg, int64_t inner, const char* layout) {
  const int64_t outer = 1 - inner;
  WARPWRIGHT_CHECK(arg.size(inner) <= 1 || arg.stride(inner) == 1, arg.name, " has strides (", arg.stride(0), ", ",
                   arg.stride(1), "), expected ", layout, ": stride 1 in dimension ", inner);
  if (arg.size(outer) <= 1 || arg.size(inner) == 0) return arg.size(inner);
  const int64_t stride = arg.stride(outer);
  WARPWRIGHT_CHECK(stride >= arg.size(inner), arg.name, " has strides (", arg.stride(0), ", ", arg.stride(1),
                   "), expected at least ", arg.size(inner), " in dimension ", outer, ": rows may not overlap");
  WARPWRIGHT_CHECK(stride % kAlignK == 0, "the stride of ", arg.name, " in dimension ", outer, " is ", stride,
                   ", expected a multiple of ", kAlignK);
  return stride;
}

void check_mm_starts(const Arg& mat_a, const Arg& mat_b) {
  if (mat_a.numel() == 0 || mat_b.numel() == 0) return;
  check_aligned(mat_a, 16);
  check_aligned(mat_b, 16);
}

}  // namespace warpwright::torch_api
