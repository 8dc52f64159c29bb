// The order of 4-bit weights, scales and zero points that Marlin kernels read (Frantar et al., "MARLIN", 2024,
// arXiv:2408.11743; the permutations are those of the tools that prepare checkpoints for it).
//
// Weights: tiles of 16 rows (k) and 64 columns (n) are 128 words; word 4 * lane + j of a tile holds the eight weights
// that the lane of a warp needs of the tile's j-th 16 columns as operand b of two mma.m16n8k16.
#pragma once

#include <cstdint>

#ifdef __CUDACC__
#define WARPWRIGHT_HOST_DEVICE __host__ __device__
#else
#define WARPWRIGHT_HOST_DEVICE
#endif

namespace warpwright::marlin {

constexpr int kTileK = 16, kTileN = 64, kTileWords = 128;

struct Cell {
  int64_t k, n;
};

// Where the weight in a nibble of a word stands in the (k, n) matrix.
WARPWRIGHT_HOST_DEVICE constexpr Cell cell_of(int64_t word, int nibble, int64_t n) {
  const int64_t row_words = n / kTileN * kTileWords, tile_k = word / row_words, in_row = word % row_words;
  const int64_t tile_n = in_row / kTileWords;
  const int lane = int(in_row % kTileWords) / 4, j = int(in_row % 4);
  const int element = nibble < 4 ? 2 * nibble : 2 * nibble - 7;  // nibbles 0 to 7 hold elements 0 2 4 6 1 3 5 7
  const int row = 2 * (lane % 4) + (element & 1) + 8 * ((element >> 1) & 1);
  const int column = 16 * j + lane / 4 + 8 * (element >> 2);
  return {tile_k * kTileK + row, tile_n * kTileN + column};
}

// Where the scale of a column stands in a row of scales for groups of k.
WARPWRIGHT_HOST_DEVICE constexpr int64_t grouped_scale(int64_t n) { return n / 64 * 64 + n % 8 * 8 + n % 64 / 8; }

// The same where one scale serves all of k.
WARPWRIGHT_HOST_DEVICE constexpr int64_t single_scale(int64_t n) {
  return n / 32 * 32 + n % 8 / 2 * 8 + n % 32 / 8 * 2 + n % 2;
}

// The word, and the bit in it, of the zero point of a column.
WARPWRIGHT_HOST_DEVICE constexpr int64_t zero_word(int64_t n) { return n / 64 * 8 + n % 8; }
WARPWRIGHT_HOST_DEVICE constexpr int zero_bit(int64_t n) {
  const int tile = int(n % 64 / 8);
  return 4 * (tile % 2 == 0 ? tile / 2 : 4 + tile / 2);
}

}  // namespace warpwright::marlin
