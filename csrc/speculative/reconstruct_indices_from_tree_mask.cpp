#include "speculative/draft_tree.h"
#include "torch/checks.h"
#include "torch/launch.h"
#include "torch/operator.h"
#include "warpwright/paths/reconstruct_indices_from_tree_mask.h"

namespace warpwright::torch_api {

namespace {

constexpr SmPath<DraftTreeLaunch> kPaths[] = {WARPWRIGHT_PATHS_reconstruct_indices_from_tree_mask};

void check_masks(const Arg& mask, const Arg& lengths, int64_t draft_token_num) {
  check_dtype(mask, {ScalarType::Bool, ScalarType::Byte});
  check_contiguous(mask);
  check_draft_token_num(draft_token_num);
  check_indices(lengths, mask, {{}});
  const int64_t needed = lengths.size(0) * draft_token_num * draft_token_num;
  check_at_least("the number of elements of tree_mask", mask.numel(), needed);
}

void reconstruct_indices_from_tree_mask(const Tensor& tree_mask, const Tensor& verified_seq_len,
                                        const Tensor& positions, const Tensor& retrive_index,
                                        const Tensor& retrive_next_token, const Tensor& retrive_next_sibling,
                                        int64_t draft_token_num) {
  const Arg mask{tree_mask, "tree_mask"}, lengths{verified_seq_len, "verified_seq_len"};
  const Arg places{positions, "positions"}, index{retrive_index, "retrive_index"};
  const Arg next{retrive_next_token, "retrive_next_token"}, sibling{retrive_next_sibling, "retrive_next_sibling"};
  const TreeOutputs outs{places, index, next, sibling};
  check_masks(mask, lengths, draft_token_num);
  const int64_t requests = lengths.size(0);
  check_tree_outputs(outs, mask, requests, draft_token_num);
  check_separate({&places, &index, &next, &sibling}, {&mask, &lengths});
  if (requests == 0) return;

  LaunchScope scope(mask);
  DraftTreeProblem problem;
  problem.from_mask = mask.data_of<uint8_t>();
  problem.sequence_lengths = index_array(lengths);
  problem.requests = requests;
  problem.draft_tokens = int32_t(draft_token_num);
  set_tree_outputs(problem, outs);
  launch_dependent("reconstruct_indices_from_tree_mask", kPaths, scope, problem, std::nullopt);
}

}  // namespace

WARPWRIGHT_OPERATOR(reconstruct_indices_from_tree_mask,
                    "(Tensor tree_mask, Tensor verified_seq_len, Tensor! positions, Tensor! retrive_index, "
                    "Tensor! retrive_next_token, Tensor! retrive_next_sibling, int draft_token_num) -> ()");

}  // namespace warpwright::torch_api
