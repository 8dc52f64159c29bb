#include "quantization/group_quant.h"
#include "torch/operator.h"
#include "warpwright/paths/sgl_per_token_group_quant_int8.h"
#include "warpwright/quantization/quantize.h"

namespace warpwright::torch_api {

namespace {

constexpr SmPath<RowLaunch> kPaths[] = {WARPWRIGHT_PATHS_sgl_per_token_group_quant_int8};

void sgl_per_token_group_quant_int8(const Tensor& input, const Tensor& output_q, const Tensor& output_s,
            int64_t group_size, double eps, double int8_min, double int8_max, bool scale_ue8m0,
            bool fuse_silu_and_mul, const std::optional<Tensor>& masked_m) {
  group_quant("sgl_per_token_group_quant_int8", kPaths, {ScalarType::Char},
              {input, output_q, output_s, group_size, eps, int8_min, int8_max, scale_ue8m0, fuse_silu_and_mul, masked_m});
}

}  // namespace

WARPWRIGHT_OPERATOR(sgl_per_token_group_quant_int8,
                    "(Tensor input, Tensor! output_q, Tensor! output_s, int group_size, float eps, float int8_min, "
                    "float int8_max, bool scale_ue8m0=False, bool fuse_silu_and_mul=False, Tensor? masked_m=None) -> ()");

}  // namespace warpwright::torch_api
