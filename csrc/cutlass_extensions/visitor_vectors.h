// Two leaves for CUTLASS 2.x epilogue trees: a vector along N and a vector along M. CUTLASS's own leaves want a pointer
// aligned to 16 bytes and a vector of full length; these take any pointer, and a stride of 0 makes one element serve the
// whole tile, so one kernel serves per-tensor and per-row scales.
#pragma once

#include "cutlass/epilogue/threadblock/fusion/visitors.hpp"

namespace warpwright::cutlass_extensions {

// A null pointer reads as zeros.
template <typename Element>
struct VectorArguments {
  Element const* data = nullptr;
  int stride = 1;  // 0: data[0] for all
};

template <typename Element>
struct VectorLeaf : cutlass::epilogue::threadblock::VisitorImpl2x<> {
  using Arguments = VectorArguments<Element>;
  using Params = Arguments;
  struct SharedStorage {};

  template <class ProblemShape>
  static constexpr Params to_underlying_arguments(ProblemShape const&, Arguments const& arguments, void*) {
    return arguments;
  }
  template <class ProblemShape>
  static size_t get_workspace_size(ProblemShape const&, Arguments const&) {
    return 0;
  }

  CUTLASS_HOST_DEVICE VectorLeaf() {}
  CUTLASS_HOST_DEVICE VectorLeaf(Params const& params, SharedStorage const&) : params_ptr(&params) {}

  CUTLASS_DEVICE static Element load(Params const& params, int index, int size) {
    if (params.data == nullptr || index >= size) return Element(0);
    return params.data[int64_t(index) * params.stride];
  }

  Params const* params_ptr = nullptr;
};

// One element for each column of the tile.
template <typename ThreadMap, typename Element>
struct RowVector : VectorLeaf<Element> {
  using VectorLeaf<Element>::VectorLeaf;

  template <class Coordinates, class Registers>
  struct Callbacks : cutlass::epilogue::threadblock::EmptyCallbacks {
    CUTLASS_DEVICE Callbacks(Coordinates coordinates, Registers registers, int n,
                             typename VectorLeaf<Element>::Params const* params)
        : coordinates(coordinates), registers(registers), n(n), params(params) {}

    CUTLASS_DEVICE void begin_epilogue() {
      CUTLASS_PRAGMA_UNROLL
      for (int i = 0; i < cute::size(registers); ++i) {
        registers(i) = VectorLeaf<Element>::load(*params, cute::get<1>(coordinates(i)), n);
      }
    }

    template <class Accumulator, int kSize>
    CUTLASS_DEVICE auto visit(int, int, int column, int, cutlass::Array<Accumulator, kSize> const&) {
      cutlass::Array<Element, kSize> fragment;
      CUTLASS_PRAGMA_UNROLL
      for (int i = 0; i < kSize; ++i) fragment[i] = registers(column * kSize + i);
      return fragment;
    }

    Coordinates coordinates;
    Registers registers;
    int n;
    typename VectorLeaf<Element>::Params const* params;
  };

  template <class ProblemShape>
  CUTLASS_DEVICE auto get_callbacks(cutlass::gemm::GemmCoord tile, int thread, ProblemShape problem_shape) {
    using cute::_;
    using cute::_0;
    auto identity = cute::make_identity_tensor(problem_shape);
    auto coordinates = ThreadMap::partition(identity, thread, tile)(_, _, _0{}, _0{}, _0{}, _0{});  // (vector, column)
    auto registers = cute::make_tensor<Element>(cute::make_shape(cute::size<0>(coordinates), cute::size<1>(coordinates)));
    return Callbacks<decltype(coordinates), decltype(registers)>(coordinates, registers, cute::get<1>(problem_shape),
                                                                 this->params_ptr);
  }
};

// One element for each row of the tile.
template <typename ThreadMap, typename Element>
struct ColumnVector : VectorLeaf<Element> {
  using VectorLeaf<Element>::VectorLeaf;

  template <class Coordinates, class Registers>
  struct Callbacks : cutlass::epilogue::threadblock::EmptyCallbacks {
    CUTLASS_DEVICE Callbacks(Coordinates coordinates, Registers registers, int m,
                             typename VectorLeaf<Element>::Params const* params)
        : coordinates(coordinates), registers(registers), m(m), params(params) {}

    CUTLASS_DEVICE void begin_epilogue() {
      CUTLASS_PRAGMA_UNROLL
      for (int i = 0; i < cute::size(registers); ++i) {
        registers(i) = VectorLeaf<Element>::load(*params, cute::get<0>(coordinates(i)), m);
      }
    }

    template <class Accumulator, int kSize>
    CUTLASS_DEVICE auto visit(int step, int row, int, int, cutlass::Array<Accumulator, kSize> const&) {
      cutlass::Array<Element, kSize> fragment;
      fragment.fill(registers(row, step));
      return fragment;
    }

    Coordinates coordinates;
    Registers registers;
    int m;
    typename VectorLeaf<Element>::Params const* params;
  };

  template <class ProblemShape>
  CUTLASS_DEVICE auto get_callbacks(cutlass::gemm::GemmCoord tile, int thread, ProblemShape problem_shape) {
    using cute::_;
    using cute::_0;
    auto identity = cute::make_identity_tensor(problem_shape);
    auto coordinates =
        cute::group_modes<1, 4>(ThreadMap::partition(identity, thread, tile)(_0{}, _0{}, _, _, _, _));  // (row, step)
    auto registers = cute::make_tensor<Element>(cute::make_shape(cute::size<0>(coordinates), cute::size<1>(coordinates)));
    return Callbacks<decltype(coordinates), decltype(registers)>(coordinates, registers, cute::get<0>(problem_shape),
                                                                 this->params_ptr);
  }
};

}  // namespace warpwright::cutlass_extensions
