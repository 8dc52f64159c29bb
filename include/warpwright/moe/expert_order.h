// Elements of a router's choice in the order of their experts: what moe_align_block_size and prepare_moe_input make of
// expert ids. Within an expert the elements keep their order, so the same ids give the same order on every GPU.
// Method: a counting sort, as in Trevor Gale et al., "MegaBlocks: Efficient Sparse Training with Mixture-of-Experts",
// 2023 (arXiv:2211.15841), section 5.1.3: positions padded to the blocks of a grouped product.
#pragma once

#include <cuda_runtime_api.h>

#include <cstdint>

#include "warpwright/device.h"
#include "warpwright/dtype.h"
#include "warpwright/status.h"

namespace warpwright {

// What no place, count or size may exceed, so that sums of them stay in int32. A check refuses more by name.
constexpr int64_t kMostExperts = 4096, kMostExpertElements = int64_t{1} << 30, kMostBlockSize = 65536;

// Places padded to whole blocks of one expert.
struct AlignOutputs {
  int32_t *sorted = nullptr, *experts = nullptr, *total = nullptr, *starts = nullptr;
  int64_t sorted_size = 0;
  int32_t block_size = 1;
  bool pads = false;  // whether places of no element are written
};

// Places without padding, and the problems of two grouped products.
struct PrepareOutputs {
  int32_t *offsets = nullptr, *scale_offsets = nullptr;  // the second may be null
  int32_t *sizes1 = nullptr, *sizes2 = nullptr;
  int32_t *input_permutation = nullptr, *output_permutation = nullptr;
  int32_t topk = 1, n = 0, k = 0;
};

// An id counts as expert id - first_id; elements of no expert from 0 to experts - 1 have no place.
struct ExpertOrderProblem {
  const void* ids = nullptr;
  Dtype id_dtype = Dtype::kInt32;
  int32_t elements = 0, experts = 0;
  int32_t first_id = 0, least_id = 0;  // least_id: ids below it have no place
  bool prepares = false;
  AlignOutputs align;
  PrepareOutputs prepare;
  bool dependent = false;  // programmatic dependent launch
};

using ExpertOrderLaunch = Status(const ExpertOrderProblem&, const Device&, Workspace, cudaStream_t);

ExpertOrderLaunch moe_align_block_size;

}  // namespace warpwright
