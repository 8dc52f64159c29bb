// Launch function of @@name@@: the same code on every SM.

#include <algorithm>

#include "warpwright/@@family@@/@@name@@.cuh"
#include "warpwright/launch_kernel.cuh"

namespace warpwright {

namespace @@name@@_launch {

template <typename T, int kSize>
Status with_vectors_of(const @@CamelName@@Problem& problem, cudaStream_t stream) {
  const int64_t chunks = problem.hidden / kSize;
  const int64_t threads = chunks < 256 ? (chunks + 31) / 32 * 32 : 256;
  const Grid grid{(chunks + threads - 1) / threads, std::min(problem.rows, kMaxGridY)};
  return launch_kernel<@@name@@_kernel<T, kSize>>({grid, threads}, stream, problem);
}

}  // namespace @@name@@_launch

Status @@name@@(const @@CamelName@@Problem& problem, cudaStream_t stream) {
  return with_float16_type(problem.dtype, [&](auto element) {
    using T = decltype(element);
    const bool vectors = takes_vectors<T>(problem.input, problem.input_stride, problem.hidden) &&
                         takes_vectors<T>(problem.out, problem.out_stride, problem.hidden);
    return vectors ? @@name@@_launch::with_vectors_of<T, kFullVector<T>>(problem, stream)
                   : @@name@@_launch::with_vectors_of<T, 1>(problem, stream);
  });
}

}  // namespace warpwright
