// Launch function of apply_token_bitmask_inplace_cuda: the same code on every SM.

#include "warpwright/grammar/token_bitmask.cuh"
#include "warpwright/launch_kernel.cuh"

namespace warpwright {

namespace token_bitmask_launch {

constexpr int64_t kManyVectors = 1 << 20;  // from here on a thread holds four of them

template <typename Element, int kHeld>
Status with_held(const TokenBitmaskProblem& p, uint32_t lowest, cudaStream_t stream) {
  constexpr int64_t kCount = 16 / sizeof(Element), kPart = kCount * kHeld * kBitmaskThreads;
  const int64_t parts = (p.tokens + kCount - 1 + kPart - 1) / kPart;  // a row may begin within a vector
  const BitmaskWork work{p, p.rows * parts, Divider(parts)};
  LaunchShape shape{blocks_in_turns(work.turns), kBitmaskThreads};
  shape.dependent = p.dependent;
  return launch_kernel<token_bitmask_kernel<Element, kHeld>>(shape, stream, work, lowest);
}

template <typename Element>
Status with_element(const TokenBitmaskProblem& p, uint32_t lowest, cudaStream_t stream) {
  const bool are_many = p.rows * p.tokens * int64_t{sizeof(Element)} / 16 >= kManyVectors;
  return are_many ? with_held<Element, 4>(p, lowest, stream) : with_held<Element, 1>(p, lowest, stream);
}

}  // namespace token_bitmask_launch

Status apply_token_bitmask_inplace_cuda(const TokenBitmaskProblem& p, cudaStream_t stream) {
  using namespace token_bitmask_launch;
  switch (p.dtype) {
    case Dtype::kFloat32:
      return with_element<uint32_t>(p, 0xff800000u, stream);
    case Dtype::kFloat16:
      return with_element<uint16_t>(p, 0xfc00fc00u, stream);
    case Dtype::kBFloat16:
      return with_element<uint16_t>(p, 0xff80ff80u, stream);
    default:
      return Status::refused("the logits are none of float32, float16 and bfloat16");
  }
}

}  // namespace warpwright
