#include "quantization/group_quant.h"
#include "torch/operator.h"
#include "warpwright/paths/sgl_per_token_group_quant_fp8.h"
#include "warpwright/quantization/quantize.h"

namespace warpwright::torch_api {

namespace {

constexpr SmPath<RowLaunch> kPaths[] = {WARPWRIGHT_PATHS_sgl_per_token_group_quant_fp8};

void sgl_per_token_group_quant_fp8(const Tensor& input, const Tensor& output_q, const Tensor& output_s,
            int64_t group_size, double eps, double fp8_min, double fp8_max, bool scale_ue8m0,
            bool fuse_silu_and_mul, const std::optional<Tensor>& masked_m) {
  group_quant("sgl_per_token_group_quant_fp8", kPaths, {ScalarType::Float8_e4m3fn},
              {input, output_q, output_s, group_size, eps, fp8_min, fp8_max, scale_ue8m0, fuse_silu_and_mul, masked_m});
}

}  // namespace

WARPWRIGHT_OPERATOR(sgl_per_token_group_quant_fp8,
                    "(Tensor input, Tensor! output_q, Tensor! output_s, int group_size, float eps, float fp8_min, "
                    "float fp8_max, bool scale_ue8m0=False, bool fuse_silu_and_mul=False, Tensor? masked_m=None) -> ()");

}  // namespace warpwright::torch_api
