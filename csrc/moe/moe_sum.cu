// Launch function of moe_sum, moe_sum_reduce and apply_shuffle_mul_sum: the same code on every SM.

#include "warpwright/launch_kernel.cuh"
#include "warpwright/moe/sum_rows.cuh"

namespace warpwright {

namespace sum_rows {

constexpr int64_t kSmallestTo = 1 << 12;   // vectors up to which a block is a warp, so that more SMs have one
constexpr int64_t kSmallTo = 1 << 15;      // and up to which it is two
constexpr int64_t kSeveralFrom = 1 << 20;  // from which a thread has several of a token: three waves of a large GPU
constexpr int64_t kSeveral = 4;

// Threads of a token. Those that look up their rows do it for several vectors, where there are enough for all SMs.
template <typename SourceRows>
int64_t threads_of_token(int64_t tokens, int64_t vectors) {
  const bool looks_up = std::is_same_v<SourceRows, GatheredRows>;
  return looks_up && tokens * vectors >= kSeveralFrom ? (vectors + kSeveral - 1) / kSeveral : vectors;
}

template <typename T, int kSize, typename SourceRows>
Status with_vectors_of(const SumRowsProblem& p, cudaStream_t stream) {
  const int64_t vectors = p.hidden / kSize, of_token = threads_of_token<SourceRows>(p.tokens, vectors);
  const int64_t all = p.tokens * vectors;
  const int threads = all <= kSmallestTo ? 32 : all <= kSmallTo ? 64 : kSumThreads;
  LaunchShape shape{blocks_in_turns((p.tokens * of_token + threads - 1) / threads), threads};
  shape.dependent = p.dependent;
  return launch_kernel<sum_rows_kernel<T, kSize, SourceRows>>(shape, stream,
                                                              SumRowsWork{p, Divider(of_token), vectors});
}

template <typename T, typename SourceRows>
Status with_rows_of(const SumRowsProblem& p, cudaStream_t stream) {
  constexpr int kSize = kFullVector<T>;
  const bool in_vectors = takes_vectors<T>(p.input, p.row_stride, p.hidden) &&
                          takes_vectors<T>(p.out, p.out_stride, p.hidden) && p.token_stride % kSize == 0;
  return in_vectors ? with_vectors_of<T, kSize, SourceRows>(p, stream) : with_vectors_of<T, 1, SourceRows>(p, stream);
}

}  // namespace sum_rows

Status moe_sum(const SumRowsProblem& p, cudaStream_t stream) {
  return with_float_type(p.dtype, [&](auto element) {
    using T = decltype(element);
    return p.rows == nullptr ? sum_rows::with_rows_of<T, AdjacentRows>(p, stream)
                             : sum_rows::with_rows_of<T, GatheredRows>(p, stream);
  });
}

}  // namespace warpwright
