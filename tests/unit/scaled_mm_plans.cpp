// Reads "table m n k sm_count shared_memory tile" from each line of its input and prints the plan of that SM's table, and
// whether its kernel may run so. With an argument, prints each row's name and the name that its fields make.
#include <cstdint>
#include <iostream>
#include <string>

#include "warpwright/gemm/blockwise_scaled_mm_tiles_sm90a.h"
#include "warpwright/gemm/scaled_mm_tiles.h"
#include "warpwright/gemm/scaled_mm_tiles_sm90a.h"

namespace {

using namespace warpwright;

void print(const char* name, int stages, int split, int shared_memory, bool runs = true) {
  std::cout << name << " " << stages << " " << split << " " << shared_memory << " " << runs << "\n";
}

template <int kCount>
void print_chosen(const ScaledMmTile (&table)[kCount], const ScaledMmShape& shape) {
  const int chosen = choose_scaled_mm_tile(table, shape);
  if (chosen < 0) return print("none", 0, 1, 0);
  print(table[chosen].name, 0, 1, table[chosen].shared_memory());
}

void print_plan(const Sm90aTile* table, const Sm90aPlan& plan) {
  const bool swaps = table[plan.tile].kernel == Sm90aKernel::kSwapAb;
  print(table[plan.tile].name, plan.stages, plan.split_k, plan.shared_memory, !swaps || sm90a::can_pipeline(plan));
}

std::string block_of(int m, int n, int k) {
  return std::to_string(m) + "x" + std::to_string(n) + "x" + std::to_string(k);
}

template <int kCount>
void print_rows(const ScaledMmTile (&table)[kCount]) {
  for (const ScaledMmTile& row : table) {
    std::cout << row.name << " " << block_of(row.block_m, row.block_n, row.block_k) << "_s" << row.stages << "\n";
  }
}

template <int kCount>
void print_rows(const Sm90aTile (&table)[kCount]) {
  const char* const kernels[] = {"swap_ab", "cooperative", "warp_specialized", "pingpong"};  // in Sm90aKernel's order
  for (const Sm90aTile& row : table) {
    std::cout << row.name << " " << kernels[int(row.kernel)] << "_" << block_of(row.block_m, row.block_n, row.block_k);
    if (row.kernel != Sm90aKernel::kSwapAb) std::cout << "_" << row.cluster_m << "x" << row.cluster_n;
    std::cout << "\n";
  }
}

void print_all_rows() {
  print_rows(kInt8ScaledMmSm75Tiles);
  print_rows(kInt8ScaledMmSm80Tiles);
  print_rows(kFp8ScaledMmSm89Tiles);
  print_rows(kScaledMmSm90aTiles);
  print_rows(kBlockwiseScaledMmSm90aTiles);
}

}  // namespace

int main(int argc, char**) {
  if (argc > 1) {
    print_all_rows();
    return 0;
  }
  std::string table;
  int tile = 0;
  ScaledMmShape shape;
  while (std::cin >> table >> shape.m >> shape.n >> shape.k >> shape.sm_count >> shape.shared_memory_per_block >> tile) {
    if (table == "sm75") print_chosen(kInt8ScaledMmSm75Tiles, shape);
    if (table == "sm80") print_chosen(kInt8ScaledMmSm80Tiles, shape);
    if (table == "sm89") print_chosen(kFp8ScaledMmSm89Tiles, shape);
    if (table == "sm90a") print_plan(kScaledMmSm90aTiles, plan_scaled_mm_sm90a(shape, tile));
    if (table == "blockwise") print_plan(kBlockwiseScaledMmSm90aTiles, plan_blockwise_scaled_mm_sm90a(shape, tile));
  }
}
