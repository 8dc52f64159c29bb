// One CUTLASS 3.x GEMM with the scales and the bias in its epilogue: from a tile to a launch. For the sm90a units alone;
// CUTLASS 2.x units never include it.
#pragma once

#include <type_traits>

#include "cutlass/cutlass.h"
#include "cutlass/epilogue/collective/collective_builder.hpp"
#include "cutlass/gemm/collective/collective_builder.hpp"
#include "cutlass/device_kernel.h"
#include "cutlass/gemm/kernel/gemm_universal.hpp"
#include "warpwright/gemm/scaled_mm.h"
#include "warpwright/gemm/tiles_sm90a.h"
#include "warpwright/launch_kernel.cuh"

namespace warpwright::cutlass3 {

using cute::_0;
using cute::_1;
using cute::Int;
using cute::Shape;
using cute::Stride;

// fp8 keeps its sums in the tensor core along the whole of k, as cuBLAS does with use_fast_accum and the peers do.
struct Pingpong {
  template <typename Element>
  using Mainloop = std::conditional_t<std::is_same_v<Element, cutlass::float_e4m3_t>,
                                      cutlass::gemm::KernelTmaWarpSpecializedPingpongFP8FastAccum,
                                      cutlass::gemm::KernelTmaWarpSpecializedPingpong>;
  using Epilogue = cutlass::epilogue::TmaWarpSpecialized;
};
// One tile for each CTA: nothing is prepared for a next one.
struct WarpSpecialized {
  template <typename Element>
  using Mainloop = std::conditional_t<std::is_same_v<Element, cutlass::float_e4m3_t>,
                                      cutlass::gemm::KernelTmaWarpSpecializedFP8FastAccum,
                                      cutlass::gemm::KernelTmaWarpSpecialized>;
  using Epilogue = cutlass::epilogue::TmaWarpSpecialized;
};

template <int kBlockM, int kBlockN, int kBlockK, int kClusterM, int kClusterN, typename Schedule_>
struct Tile {
  using Block = Shape<Int<kBlockM>, Int<kBlockN>, Int<kBlockK>>;
  using Cluster = Shape<Int<kClusterM>, Int<kClusterN>, _1>;
  using Schedule = Schedule_;
};

template <typename Element, typename Accumulator, typename Tile, typename Out>
struct ScaledMm {
  static constexpr auto kRound = cutlass::FloatRoundStyle::round_to_nearest;
  template <typename Node, typename... Children>
  using Tree = cutlass::epilogue::fusion::Sm90EVT<Node, Children...>;

  // A stride of false makes one element serve the whole matrix: one kernel for per-tensor and per-row scales.
  using ScaleA = cutlass::epilogue::fusion::Sm90ColBroadcast<0, typename Tile::Block, float, float,
                                                             Stride<bool, _0, int64_t>, 4, false>;
  using ScaleB = cutlass::epilogue::fusion::Sm90RowBroadcast<0, typename Tile::Block, float, float,
                                                             Stride<_0, bool, int64_t>, 4, false>;
  using Bias = cutlass::epilogue::fusion::Sm90RowBroadcast<0, typename Tile::Block, Out, float,
                                                           Stride<_0, _1, int64_t>, 8>;  // null reads as zeros
  using ScaledByB = Tree<cutlass::epilogue::fusion::Sm90Compute<cutlass::multiplies, float, float, kRound>, ScaleB,
                         cutlass::epilogue::fusion::Sm90AccFetch>;
  using Value = Tree<cutlass::epilogue::fusion::Sm90Compute<cutlass::homogeneous_multiply_add, Out, float, kRound>,
                     ScaleA, ScaledByB, Bias>;

  using Epilogue = typename cutlass::epilogue::collective::CollectiveBuilder<
      cutlass::arch::Sm90, cutlass::arch::OpClassTensorOp, typename Tile::Block, typename Tile::Cluster,
      cutlass::epilogue::collective::EpilogueTileAuto, Accumulator, float, void, cutlass::layout::RowMajor, 8, Out,
      cutlass::layout::RowMajor, 8, typename Tile::Schedule::Epilogue, Value>::CollectiveOp;
  using Mainloop = typename cutlass::gemm::collective::CollectiveBuilder<
      cutlass::arch::Sm90, cutlass::arch::OpClassTensorOp, Element, cutlass::layout::RowMajor, 16, Element,
      cutlass::layout::ColumnMajor, 16, Accumulator, typename Tile::Block, typename Tile::Cluster,
      cutlass::gemm::collective::StageCountAutoCarveout<int(sizeof(typename Epilogue::SharedStorage))>,
      typename Tile::Schedule::template Mainloop<Element>>::CollectiveOp;
  using Kernel = cutlass::gemm::kernel::GemmUniversal<Shape<int, int, int, int>, Mainloop, Epilogue,
                                                      cutlass::gemm::PersistentScheduler>;

  static typename Kernel::Arguments arguments(const ScaledMmProblem& p, const Device& device, const Sm90aPlan& plan) {
    using Order = cutlass::gemm::kernel::detail::RasterOrderOptions;
    const auto* a = static_cast<const Element*>(p.a);
    const auto* b = static_cast<const Element*>(p.b);
    auto* out = static_cast<Out*>(p.out);
    const typename ScaleA::Arguments scale_a{p.scale_a.data, 0.f, {!p.scale_a.per_tensor, {}, 0}};
    const typename ScaleB::Arguments scale_b{p.scale_b.data, 0.f, {{}, !p.scale_b.per_tensor, 0}};
    const typename Bias::Arguments bias{static_cast<const Out*>(p.bias), Out(0.f), {}};
    typename Kernel::Arguments arguments{cutlass::gemm::GemmUniversalMode::kGemm,
                                       {int(p.m), int(p.n), int(p.k), 1},
                                       {a, {p.lda, {}, 0}, b, {p.ldb, {}, 0}},
                                       {{scale_a, {scale_b, {}, {}}, bias, {}}, nullptr, {p.n, {}, 0}, out, {p.n, {}, 0}}};
    arguments.hw_info = {device.index, device.sm_count};
    arguments.scheduler.max_swizzle_size = plan.swizzle_size;
    arguments.scheduler.raster_order = plan.raster == RasterOrder::kAlongM ? Order::AlongM : Order::AlongN;
    return arguments;
  }

  // Not by CUTLASS's adapter: it clears the error of a launch, and says only that there was one.
  static Status launch(const ScaledMmProblem& p, const Device& device, const Sm90aPlan& plan, cudaStream_t stream) {
    const typename Kernel::Arguments kernel_arguments = arguments(p, device, plan);
    if (!Kernel::can_implement(kernel_arguments)) {
      return Status::refused("CUTLASS cannot take the problem: k, lda and ldb must be multiples of 16, n of 8");
    }
    if (Kernel::get_workspace_size(kernel_arguments) != 0) {
      return Status::refused("this CUTLASS kernel wants a workspace, and nothing here makes one");
    }
    const typename Kernel::Params params = Kernel::to_underlying_arguments(kernel_arguments, nullptr);
    const dim3 grid = Kernel::get_grid_shape(params), block = Kernel::get_block_shape();
    static_assert(cute::size<1>(typename Tile::Cluster{}) == 1, "the gate launches clusters along x");
    const LaunchShape shape{{grid.x, grid.y, grid.z}, block.x, Kernel::SharedStorageSize,
                            int(cute::size<0>(typename Tile::Cluster{}))};
    return launch_kernel<cutlass::device_kernel<Kernel>>(device, shape, stream, params);
  }
};

}  // namespace warpwright::cutlass3
