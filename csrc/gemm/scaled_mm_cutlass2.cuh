// One CUTLASS 2.x GEMM with the scales and the bias in its epilogue: from a tile to a launch. For the sm75, sm80 and
// sm89 units alone; CUTLASS 3.x units never include it.
#pragma once

#include "cutlass/cutlass.h"
#include "cutlass/device_kernel.h"
#include "cutlass/gemm/kernel/default_gemm_universal_with_visitor.h"

#include "../cutlass_extensions/visitor_vectors.h"  // after CUTLASS's kernels: its visitor headers include too little
#include "warpwright/gemm/scaled_mm.h"
#include "warpwright/gemm/scaled_mm_tiles.h"
#include "warpwright/gemm/tile_table.h"
#include "warpwright/launch_kernel.cuh"

namespace warpwright::cutlass2 {

template <int kBlockM, int kBlockN, int kBlockK, int kWarpM, int kWarpN, int kWarpK, int kStages_>
struct Tile {
  using Block = cutlass::gemm::GemmShape<kBlockM, kBlockN, kBlockK>;
  using Warp = cutlass::gemm::GemmShape<kWarpM, kWarpN, kWarpK>;
  static constexpr int kStages = kStages_;
};

// A row of a tile table as a type. The kernels are named by its numbers, not by the table, so that their symbols are
// the same in every build.
template <const auto& kTable, int kIndex>
using TileOf = Tile<kTable[kIndex].block_m, kTable[kIndex].block_n, kTable[kIndex].block_k, kTable[kIndex].warp_m,
                    kTable[kIndex].warp_n, kTable[kIndex].warp_k, kTable[kIndex].stages>;

// What differs between SMs: the architecture tag and the tensor-core instruction.
template <typename Arch_, typename Instruction_, typename Element_, typename Accumulator_, typename Operator_>
struct Isa {
  using Arch = Arch_;
  using Instruction = Instruction_;
  using Element = Element_;
  using Accumulator = Accumulator_;
  using Operator = Operator_;
};

template <typename Isa, typename Tile, typename Out>
struct ScaledMm {
  template <template <typename> class Function>
  using Op = cutlass::epilogue::threadblock::VisitorCompute<Function, float, float,
                                                            cutlass::FloatRoundStyle::round_to_nearest>;
  template <typename Node, typename... Children>
  using Tree = cutlass::epilogue::threadblock::Sm80EVT<Node, Children...>;

  using Map = cutlass::epilogue::threadblock::OutputTileThreadLayout<typename Tile::Block, typename Tile::Warp, Out,
                                                                     128 / cutlass::sizeof_bits<Out>::value, 1>;
  using ScaleB = cutlass_extensions::RowVector<Map, float>;
  using ScaleA = cutlass_extensions::ColumnVector<Map, float>;
  using Bias = cutlass_extensions::RowVector<Map, Out>;
  using Accumulator = cutlass::epilogue::threadblock::VisitorAccFetch;
  using ScaledByB = Tree<Op<cutlass::multiplies>, ScaleB, Accumulator>;
  using Value = Tree<Op<cutlass::multiply_add>, ScaleA, ScaledByB, Bias>;
  using Store = cutlass::epilogue::threadblock::VisitorAuxStore<
      Map, Out, cutlass::FloatRoundStyle::round_to_nearest, cute::Stride<int64_t, cute::Int<1>, int64_t>>;
  using Epilogue = Tree<Store, Value>;

  using Kernel = typename cutlass::gemm::kernel::DefaultGemmWithVisitor<
      typename Isa::Element, cutlass::layout::RowMajor, cutlass::ComplexTransform::kNone, 16,      // a
      typename Isa::Element, cutlass::layout::ColumnMajor, cutlass::ComplexTransform::kNone, 16,   // b
      Out, cutlass::layout::RowMajor, 128 / cutlass::sizeof_bits<Out>::value,                      // out
      typename Isa::Accumulator, float, cutlass::arch::OpClassTensorOp, typename Isa::Arch, typename Tile::Block,
      typename Tile::Warp, typename Isa::Instruction, Epilogue,
      cutlass::gemm::threadblock::GemmIdentityThreadblockSwizzle<8>, Tile::kStages, typename Isa::Operator,
      1>::GemmKernel;

  static typename Epilogue::Arguments epilogue_arguments(const ScaledMmProblem& p) {
    const typename ScaleB::Arguments scale_b{p.scale_b.data, p.scale_b.per_tensor ? 0 : 1};
    const typename ScaleA::Arguments scale_a{p.scale_a.data, p.scale_a.per_tensor ? 0 : 1};
    const typename Bias::Arguments bias{static_cast<const Out*>(p.bias), 1};
    const typename Store::Arguments store{static_cast<Out*>(p.out), {p.n, {}, p.m * p.n}};
    return {{scale_a, {scale_b, {}, {}}, bias, {}}, store};
  }

  // Not by CUTLASS's adapter: it clears the error of a launch, and says only that there was one.
  static Status launch(const ScaledMmProblem& p, const Device& device, cudaStream_t stream) {
    const typename Kernel::Arguments arguments(
        cutlass::gemm::GemmUniversalMode::kGemm, {int(p.m), int(p.n), int(p.k)}, 1, epilogue_arguments(p), p.a, p.b,
        nullptr, nullptr, 0, 0, 0, 0, p.lda, p.ldb, p.n, p.n);
    if (Kernel::can_implement(arguments) != cutlass::Status::kSuccess) {
      return Status::refused("CUTLASS cannot take the problem: k, lda and ldb must be multiples of 16, n of 8");
    }
    constexpr int kBlocksOfAnSm = 1;  // of interest to stream-k alone
    const typename Kernel::Params params(arguments, device.sm_count, kBlocksOfAnSm);
    const dim3 grid = params.get_grid_dims();
    constexpr int kSharedMemory = int(sizeof(typename Kernel::SharedStorage));
    const LaunchShape shape{{grid.x, grid.y, grid.z}, Kernel::kThreadCount, kSharedMemory};
    return launch_kernel<cutlass::Kernel2<Kernel>>(device, shape, stream, params);
  }
};

// Launches the tile that the problem names, else the one that the SM's table chooses.
template <const auto& kTable, typename Isa>
Status launch(const ScaledMmProblem& problem, const Device& device, cudaStream_t stream) {
  const ScaledMmShape shape{problem.m, problem.n, problem.k, device.sm_count, device.shared_memory_per_block};
  const int named = problem.tile != nullptr ? find_tile(kTable, problem.tile) : -1;
  if (problem.tile != nullptr && named < 0) return refuse_tile<kTable>();
  const int chosen = problem.tile != nullptr ? named : choose_scaled_mm_tile(kTable, shape);
  if (chosen < 0) return Status::refused("no tile of this SM's table fits the device's shared memory");
  return with_tile<kTable>(chosen, [&](auto index) {
    using Chosen = TileOf<kTable, decltype(index)::value>;
    switch (problem.out_dtype) {
      case Dtype::kFloat16:
        return ScaledMm<Isa, Chosen, cutlass::half_t>::launch(problem, device, stream);
      case Dtype::kBFloat16:
        return ScaledMm<Isa, Chosen, cutlass::bfloat16_t>::launch(problem, device, stream);
      default:
        return Status::refused("out_dtype must be float16 or bfloat16");
    }
  });
}

}  // namespace warpwright::cutlass2
