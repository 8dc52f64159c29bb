// Prints what the headers on Marlin's order and on the cut of its product say, a line for each question.
//   cells N      k and n of each nibble of the words of 16 x N weights
//   scales N     the places of N columns' scales, for groups and for one of all, and of their zero points
//   plan M N K SMS
#include <iostream>
#include <string>

#include "warpwright/gemm/gptq_marlin_gemm_tiles.h"
#include "warpwright/quantization/marlin_layout.h"

using namespace warpwright;

int main() {
  std::string question;
  while (std::cin >> question) {
    int64_t m = 0, n = 0, k = 0;
    int sms = 0;
    if (question == "plan") {
      std::cin >> m >> n >> k >> sms;
      const MarlinGemmPlan plan = plan_marlin_gemm(m, n, k, sms);
      std::cout << kMarlinTiles[plan.tile].block_m << " " << plan.split_k << " " << plan.tiles_n << " " << plan.tiles_m << " "
                << plan.k_blocks << " " << kMarlinTiles[plan.tile].block_n << " " << plan.shared_memory;
    } else {
      std::cin >> n;
      for (int64_t i = 0; question == "cells" && i < 2 * n; ++i) {
        for (int nibble = 0; nibble < 8; ++nibble) {
          const marlin::Cell cell = marlin::cell_of(i, nibble, n);
          std::cout << cell.k << " " << cell.n << " ";
        }
      }
      for (int64_t i = 0; question == "scales" && i < n; ++i) {
        std::cout << marlin::grouped_scale(i) << " " << marlin::single_scale(i) << " "
                  << 8 * marlin::zero_word(i) + marlin::zero_bit(i) / 4 << " ";
      }
    }
    std::cout << "\n";
  }
}
