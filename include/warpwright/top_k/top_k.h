// The k largest of each row: their values and where they stand, or where they stand alone, by a table of pages or
// with an offset.
// Parts of rows: DeepSeek-AI, "DeepSeek-V3.2-Exp", 2025, section 2.1, the token selection of the lightning indexer.
#pragma once

#include <cuda_runtime_api.h>

#include <cstdint>

#include "warpwright/device.h"
#include "warpwright/dtype.h"
#include "warpwright/status.h"

namespace warpwright {

constexpr int64_t kMostColumns = 0x7fffffff;  // an index is an int32
constexpr int kMostSorted = 2048;             // two lists of as many are half of the shared memory that sm_75 has

// What stands for an index: an entry of a table, -1 where it has none, or the index with an offset.
struct TopKTransform {
  bool is_by_table = false;
  const int32_t* table = nullptr;  // (requests, table_columns), null where there is no entry
  int64_t table_stride = 0, table_columns = 0, requests = 0;
  const int32_t* request_starts = nullptr;  // (requests + 1): rows of a request; null: row r is of request r
  const int32_t* offsets = nullptr;         // (rows); null: 0
};

struct TopKProblem {
  const void* input = nullptr;
  int64_t rows = 0, columns = 0, row_stride = 0;  // in elements
  int64_t k = 0;
  Dtype dtype = Dtype::kFloat32;
  // Either values and indices, of whole rows, ...
  void* values = nullptr;      // (rows, k)
  int64_t* indices = nullptr;  // (rows, k)
  bool sorted = false;         // the largest first, of up to kMostSorted; by ascending index otherwise
  bool prefers_last = false;   // of equal ones the last rather than the first
  // ... or what becomes of the indices of a part of each row, by ascending index; -1 behind the last.
  int32_t* places = nullptr;                            // (rows, k)
  const int32_t *lengths = nullptr, *starts = nullptr;  // (rows); no starts: 0
  TopKTransform transform;
  bool dependent = false;  // programmatic dependent launch
};

using TopKLaunch = Status(const TopKProblem&, const Device&, cudaStream_t);

TopKLaunch top_k_sm75, top_k_sm80, top_k_sm90a;

}  // namespace warpwright
