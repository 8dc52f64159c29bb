#include "speculative/draft_tree.h"
#include "torch/checks.h"
#include "torch/launch.h"
#include "torch/operator.h"
#include "warpwright/paths/build_tree_kernel_efficient.h"

namespace warpwright::torch_api {

namespace {

constexpr SmPath<DraftTreeLaunch> kPaths[] = {WARPWRIGHT_PATHS_build_tree_kernel_efficient};
constexpr int64_t kMostNumber = 0x7fffffff;

void check_numbers(int64_t topk, int64_t depth, int64_t draft_token_num, int64_t mode) {
  check_at_least("topk", topk, 1);
  check_at_most("topk", topk, kMostNumber, "32 bits hold it");
  check_at_least("depth", depth, 1);
  check_at_most("depth", depth, kMostNumber, "32 bits hold it");
  check_draft_token_num(draft_token_num);
  check_at_least("tree_mask_mode", mode, 0);
  check_at_most("tree_mask_mode", mode, 2, "0 is FULL_MASK, 1 is QLEN_ONLY, 2 is QLEN_ONLY_BITPACKING");
}

// The least that a mask of a mode takes: of the full one, what it takes where no tokens are before the draft's.
int64_t mask_bytes(int64_t requests, int64_t draft_token_num, int64_t mode) {
  return requests * draft_token_num * (mode == 2 ? packed_row_bytes(draft_token_num) : draft_token_num);
}

void check_mask(const Arg& mask, const Arg& on, int64_t requests, int64_t draft_token_num, int64_t mode) {
  check_same_device(mask, on);
  if (mode == 2) {
    check_dtype(mask, {ScalarType::Byte});
  } else {
    check_dtype(mask, {ScalarType::Bool, ScalarType::Byte});
  }
  check_contiguous(mask);
  check_at_least("the number of bytes of tree_mask", mask.numel(), mask_bytes(requests, draft_token_num, mode));
}

void build_tree_kernel_efficient(const Tensor& parent_list, const Tensor& selected_index,
                                 const Tensor& verified_seq_len, const Tensor& tree_mask, const Tensor& positions,
                                 const Tensor& retrive_index, const Tensor& retrive_next_token,
                                 const Tensor& retrive_next_sibling, int64_t topk, int64_t depth,
                                 int64_t draft_token_num, int64_t tree_mask_mode) {
  const Arg parents{parent_list, "parent_list"}, selected{selected_index, "selected_index"};
  const Arg lengths{verified_seq_len, "verified_seq_len"}, mask{tree_mask, "tree_mask"};
  const Arg places{positions, "positions"}, index{retrive_index, "retrive_index"};
  const Arg next{retrive_next_token, "retrive_next_token"}, sibling{retrive_next_sibling, "retrive_next_sibling"};
  const TreeOutputs outs{places, index, next, sibling};
  check_numbers(topk, depth, draft_token_num, tree_mask_mode);
  check_indices(selected, selected, {{}, {draft_token_num - 1, "draft_token_num less the root"}});
  const int64_t requests = selected.size(0);
  check_indices(parents, selected, {{requests, "one row for each request"}, {}});
  if (depth > 1 || parents.size(1) != 0) check_size(parents, 1, topk * (depth - 1) + 1, "topk * (depth - 1) + 1");
  check_indices(lengths, selected, {{requests, "one for each request"}});
  check_mask(mask, selected, requests, draft_token_num, tree_mask_mode);
  check_tree_outputs(outs, selected, requests, draft_token_num);
  check_separate({&mask, &places, &index, &next, &sibling}, {&parents, &selected, &lengths});
  if (requests == 0) return;

  LaunchScope scope(selected);
  DraftTreeProblem problem;
  problem.parents = index_array(parents);
  problem.selected = index_array(selected);
  problem.sequence_lengths = index_array(lengths);
  problem.mask = static_cast<uint8_t*>(tree_mask.mutable_data_ptr());
  problem.mask_bytes = mask.numel();
  problem.parent_width = parents.size(1);
  problem.requests = requests;
  problem.topk = topk;
  problem.draft_tokens = int32_t(draft_token_num);
  problem.mode = static_cast<TreeMask>(tree_mask_mode);
  set_tree_outputs(problem, outs);
  launch_dependent("build_tree_kernel_efficient", kPaths, scope, problem, std::nullopt);
}

}  // namespace

WARPWRIGHT_OPERATOR(build_tree_kernel_efficient,
                    "(Tensor parent_list, Tensor selected_index, Tensor verified_seq_len, Tensor! tree_mask, "
                    "Tensor! positions, Tensor! retrive_index, Tensor! retrive_next_token, "
                    "Tensor! retrive_next_sibling, int topk, int depth, int draft_token_num, "
                    "int tree_mask_mode=0) -> ()");

}  // namespace warpwright::torch_api
