#include "speculative/verified_tree.h"
#include "torch/checks.h"
#include "torch/launch.h"
#include "torch/operator.h"
#include "warpwright/paths/verify_tree_greedy.h"

namespace warpwright::torch_api {

namespace {

constexpr SmPath<VerifyTreeLaunch> kPaths[] = {WARPWRIGHT_PATHS_verify_tree_greedy};

void verify_tree_greedy(const Tensor& predicts, const Tensor& accept_index, const Tensor& accept_token_num,
                        const Tensor& candidates, const Tensor& retrive_index, const Tensor& retrive_next_token,
                        const Tensor& retrive_next_sibling, const Tensor& target_predict) {
  const VerifiedTreeArgs args(predicts, accept_index, accept_token_num, candidates, retrive_index, retrive_next_token,
                              retrive_next_sibling);
  const Arg target{target_predict, "target_predict"};
  check_verified_tree(args);
  check_indices(target, args.candidates,
                {{args.requests(), "that of candidates"}, {args.draft_tokens(), "that of candidates"}});
  check_separate({&args.predicts, &args.accept_index, &args.accept_token_num},
                 {&args.candidates, &args.index, &args.next_token, &args.next_sibling, &target});
  if (args.requests() == 0) return;

  LaunchScope scope(args.candidates);
  VerifyTreeProblem problem;
  problem.tree = verified_tree(args);
  problem.target_predict = index_array(target);
  problem.targets = target.numel();
  launch_dependent("verify_tree_greedy", kPaths, scope, problem, std::nullopt);
}

}  // namespace

WARPWRIGHT_OPERATOR(verify_tree_greedy,
                    "(Tensor! predicts, Tensor! accept_index, Tensor! accept_token_num, Tensor candidates, "
                    "Tensor retrive_index, Tensor retrive_next_token, Tensor retrive_next_sibling, "
                    "Tensor target_predict) -> ()");

}  // namespace warpwright::torch_api
