#include "gemm/scaled_mm.h"

#include <torch/csrc/inductor/aoti_torch/c/shim.h>
#include <torch/csrc/stable/ops.h>

#include <array>

#include "torch/launch.h"

namespace warpwright::torch_api {

namespace {

// TMA and the 16-byte loads of the older SMs want rows of 16 bytes, which is 16 elements of a and b and 8 of the output.
constexpr int64_t kAlignK = 16;
constexpr int64_t kAlignN = 8;

void check_matrices(const ScaledMmArguments& args, ScalarType element) {
  const auto& [mat_a, mat_b, scales_a, scales_b, out_dtype, bias] = args;
  check_cuda(WARPWRIGHT_ARG(mat_a));
  check_same_device(WARPWRIGHT_ARG(mat_b), WARPWRIGHT_ARG(mat_a));
  check_dim(WARPWRIGHT_ARG(mat_a), 2);
  check_dim(WARPWRIGHT_ARG(mat_b), 2);
  check_dtype(WARPWRIGHT_ARG(mat_a), {element});
  check_dtype(WARPWRIGHT_ARG(mat_b), {element});
  check_dtype_value("out_dtype", out_dtype, {ScalarType::Half, ScalarType::BFloat16});
  check_size(WARPWRIGHT_ARG(mat_b), 0, mat_a.size(1), "the columns of mat_a");
  check_multiple("K, the columns of mat_a,", mat_a.size(1), kAlignK);
  check_multiple("N, the columns of mat_b,", mat_b.size(1), kAlignN);
}

// The distance between the rows of a matrix whose elements along `inner` are adjacent.
int64_t leading_stride(const Arg& arg, int64_t inner, const char* layout) {
  const Tensor& tensor = arg.tensor;
  const int64_t outer = 1 - inner;
  WARPWRIGHT_CHECK(tensor.size(inner) <= 1 || tensor.stride(inner) == 1, arg.name, " has strides (", tensor.stride(0),
                  ", ", tensor.stride(1), "), expected ", layout, ": stride 1 in dimension ", inner);
  if (tensor.size(outer) <= 1 || tensor.size(inner) == 0) return tensor.size(inner);
  const int64_t stride = tensor.stride(outer);
  WARPWRIGHT_CHECK(stride >= tensor.size(inner), arg.name, " has strides (", tensor.stride(0), ", ", tensor.stride(1),
                  "), expected at least ", tensor.size(inner), " in dimension ", outer, ": rows may not overlap");
  check_multiple((std::string("the stride of ") + arg.name + " in dimension " + std::to_string(outer)).c_str(), stride,
                 kAlignK);
  return stride;
}

Scale scale_of(const Arg& arg, const Arg& matrix, int64_t count) {
  check_same_device(arg, matrix);
  check_dtype(arg, {ScalarType::Float});
  if (arg.tensor.numel() != 1) check_numel(arg, count, "one for each row of its matrix, or one for all");
  check_contiguous(arg);
  return Scale{static_cast<const float*>(arg.tensor.const_data_ptr()), arg.tensor.numel() == 1};
}

const void* bias_of(const std::optional<Tensor>& bias, const ScaledMmArguments& args, int64_t n) {
  if (!bias.has_value()) return nullptr;
  const Arg arg{*bias, "bias"};
  check_same_device(arg, {args.mat_a, "mat_a"});
  check_dtype(arg, {args.out_dtype});
  check_numel(arg, n, "one for each column of mat_b");
  check_contiguous(arg);
  check_aligned(arg, 16);
  return bias->const_data_ptr();
}

Tensor empty_output(const ScaledMmArguments& args, int64_t m, int64_t n) {
  const std::array<int64_t, 2> size{m, n}, stride{n, 1};
  const int32_t dtype =
      args.out_dtype == ScalarType::Half ? aoti_torch_dtype_float16() : aoti_torch_dtype_bfloat16();
  AtenTensorHandle handle = nullptr;
  TORCH_ERROR_CODE_CHECK(aoti_torch_empty_strided(2, size.data(), stride.data(), dtype, aoti_torch_device_type_cuda(),
                                                  args.mat_a.get_device_index(), &handle));
  return Tensor(handle);
}

// The sum of no products is zero, which leaves the bias. copy_ broadcasts it over the rows.
void fill_with_bias(Tensor& out, const std::optional<Tensor>& bias) {
  if (bias.has_value()) {
    torch::stable::copy_(out, *bias);
  } else {
    torch::stable::zero_(out);
  }
}

}  // namespace

Tensor scaled_mm(const char* op, ScalarType element, const SmPath<ScaledMmLaunch>* paths,
                 const ScaledMmArguments& args) {
  check_matrices(args, element);
  ScaledMmProblem problem;
  problem.m = args.mat_a.size(0);
  problem.k = args.mat_a.size(1);
  problem.n = args.mat_b.size(1);
  problem.lda = leading_stride({args.mat_a, "mat_a"}, 1, "row-major");
  problem.ldb = leading_stride({args.mat_b, "mat_b"}, 0, "column-major");
  problem.scale_a = scale_of({args.scales_a, "scales_a"}, {args.mat_a, "mat_a"}, problem.m);
  problem.scale_b = scale_of({args.scales_b, "scales_b"}, {args.mat_a, "mat_a"}, problem.n);
  problem.bias = bias_of(args.bias, args, problem.n);

  LaunchScope scope(args.mat_a);
  Tensor out = empty_output(args, problem.m, problem.n);
  if (problem.m == 0 || problem.n == 0) return out;
  if (problem.k == 0) {
    fill_with_bias(out, args.bias);
    return out;
  }
  check_aligned({args.mat_a, "mat_a"}, 16);
  check_aligned({args.mat_b, "mat_b"}, 16);
  problem.a = args.mat_a.const_data_ptr();
  problem.b = args.mat_b.const_data_ptr();
  problem.out = out.mutable_data_ptr();
  problem.out_dtype = to_dtype(args.out_dtype);

  const auto& path = path_for(op, paths, scope.device());
  check_launch(op, path.launch(problem, scope.device(), scope.workspace(), scope.stream()));
  return out;
}

}  // namespace warpwright::torch_api
