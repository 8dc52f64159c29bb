// Launch function of apply_token_bitmask_inplace_cuda: the same code on every SM.

#include <algorithm>

#include "warpwright/grammar/token_bitmask.cuh"
#include "warpwright/launch_kernel.cuh"

namespace warpwright {

namespace token_bitmask_launch {

constexpr int64_t kManyVectors = 1 << 20;  // from here on a thread has those of 32 tokens

template <typename Element, int kVectors>
Status with_vectors(const TokenBitmaskProblem& p, uint32_t lowest, cudaStream_t stream) {
  using Part = BitmaskPart<Element, kVectors>;
  const int64_t before = Part::kCount - 1;  // a row may begin within a vector
  LaunchShape shape{{(p.tokens + before + Part::kTokens - 1) / Part::kTokens, std::min(p.rows, kMaxGridY)},
                    kBitmaskThreads};
  shape.dependent = p.dependent;
  return launch_kernel<token_bitmask_kernel<Element, kVectors>>(shape, stream, p, lowest);
}

template <typename Element>
Status with_element(const TokenBitmaskProblem& p, uint32_t lowest, cudaStream_t stream) {
  const bool are_many = p.rows * p.tokens * int64_t{sizeof(Element)} / 16 >= kManyVectors;
  return are_many ? with_vectors<Element, 2 * sizeof(Element)>(p, lowest, stream)
                  : with_vectors<Element, 1>(p, lowest, stream);
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
