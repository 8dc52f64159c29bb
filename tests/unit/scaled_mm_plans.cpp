// Reads "sm m n k sm_count shared_memory tile" from each line of its input and prints the tile that scaled_mm would use.
#include <cstdint>
#include <iostream>

#include "warpwright/gemm/scaled_mm_tiles.h"
#include "warpwright/gemm/scaled_mm_tiles_sm90a.h"

int main() {
  using namespace warpwright;
  int sm = 0, tile = 0;
  ScaledMmShape shape;
  while (std::cin >> sm >> shape.m >> shape.n >> shape.k >> shape.sm_count >> shape.shared_memory_per_block >> tile) {
    if (sm == 80) {
      const int chosen = choose_scaled_mm_tile(kInt8ScaledMmSm80Tiles, shape);
      std::cout << (chosen < 0 ? "none" : kInt8ScaledMmSm80Tiles[chosen].name) << " 0 1 "
                << (chosen < 0 ? 0 : kInt8ScaledMmSm80Tiles[chosen].shared_memory) << "\n";
      continue;
    }
    const Sm90aPlan plan = plan_scaled_mm_sm90a(shape, tile);
    std::cout << kScaledMmSm90aTiles[plan.tile].name << " " << plan.stages << " " << plan.split << " "
              << plan.shared_memory << "\n";
  }
}
