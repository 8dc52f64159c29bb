#include <algorithm>

#include "speculative/verified_tree.h"
#include "torch/checks.h"
#include "torch/launch.h"
#include "torch/memory.h"
#include "torch/operator.h"
#include "warpwright/paths/tree_speculative_sampling_target_only.h"
#include "warpwright/speculative/sample_draft.h"

namespace warpwright::torch_api {

namespace {

constexpr SmPath<SampleDraftLaunch> kPaths[] = {WARPWRIGHT_PATHS_tree_speculative_sampling_target_only};
constexpr int64_t kMostVocabulary = 0x7fffffff;
constexpr float kLeastThreshold = 1e-9f;  // SGLang's: what is divided by

struct SampledArgs {
  const Arg coins;
  const std::optional<Arg> last_coins;
  const Arg target, draft;
};

void check_sampled(const SampledArgs& args, const VerifiedTreeArgs& tree) {
  const Arg& on = tree.candidates;
  const int64_t requests = tree.requests(), nodes = tree.draft_tokens();
  const char* why = "that of candidates";
  check_array(args.coins, on, {ScalarType::Float}, {{requests, why}, {nodes, why}});
  if (args.last_coins.has_value()) check_array(*args.last_coins, on, {ScalarType::Float}, {{requests, why}});
  check_array(args.target, on, {ScalarType::Float}, {{requests, why}, {nodes, why}, {}});
  const int64_t vocabulary = args.target.size(2);
  check_at_least("the vocabulary", vocabulary, 1);
  check_at_most("the vocabulary", vocabulary, kMostVocabulary, "32 bits hold a token");
  check_array(args.draft, on, {ScalarType::Float}, {{requests, why}, {nodes, why}, {vocabulary, "that of target_probs"}});
}

void check_memory(const SampledArgs& args, const VerifiedTreeArgs& tree) {
  const std::initializer_list<const Arg*> outs = {&tree.predicts, &tree.accept_index, &tree.accept_token_num};
  check_separate(outs, {&tree.candidates, &tree.index, &tree.next_token, &tree.next_sibling, &args.coins, &args.target,
                        &args.draft});
  if (!args.last_coins.has_value()) return;
  for (const Arg* out : outs) check_apart(*out, span_of(*out), *args.last_coins, span_of(*args.last_coins));
}

void tree_speculative_sampling_target_only(
    const Tensor& predicts, const Tensor& accept_index, const Tensor& accept_token_num, const Tensor& candidates,
    const Tensor& retrive_index, const Tensor& retrive_next_token, const Tensor& retrive_next_sibling,
    const Tensor& uniform_samples, const std::optional<Tensor>& uniform_samples_for_final_sampling,
    const Tensor& target_probs, const Tensor& draft_probs, double threshold_single, double threshold_acc,
    bool /* deterministic: it always is */) {
  const VerifiedTreeArgs tree(predicts, accept_index, accept_token_num, candidates, retrive_index, retrive_next_token,
                              retrive_next_sibling);
  const SampledArgs args{{uniform_samples, "uniform_samples"},
                         optional_arg(uniform_samples_for_final_sampling, "uniform_samples_for_final_sampling"),
                         {target_probs, "target_probs"},
                         {draft_probs, "draft_probs"}};
  check_verified_tree(tree);
  check_sampled(args, tree);
  check_memory(args, tree);
  if (tree.requests() == 0) return;

  LaunchScope scope(tree.candidates);
  SampleDraftProblem problem;
  problem.rows.target = args.target.data_of<float>();
  problem.rows.draft = args.draft.data_of<float>();
  problem.rows.vocabulary = args.target.size(2);
  problem.rows.segment = segment_of(problem.rows.vocabulary);
  problem.tree.tree = verified_tree(tree);
  problem.tree.coins = args.coins.data_of<float>();
  problem.tree.last_coins = data_of<float>(args.last_coins);
  problem.tree.threshold_single = float(threshold_single);
  problem.tree.threshold_all = std::max(float(threshold_acc), kLeastThreshold);
  problem.has_clusters = has_clusters(kPaths, scope.device());
  launch_dependent("tree_speculative_sampling_target_only", kPaths, scope, problem, std::nullopt, scope.device());
}

}  // namespace

WARPWRIGHT_OPERATOR(tree_speculative_sampling_target_only,
                    "(Tensor! predicts, Tensor! accept_index, Tensor! accept_token_num, Tensor candidates, "
                    "Tensor retrive_index, Tensor retrive_next_token, Tensor retrive_next_sibling, "
                    "Tensor uniform_samples, Tensor? uniform_samples_for_final_sampling, Tensor target_probs, "
                    "Tensor draft_probs, float threshold_single=1.0, float threshold_acc=1.0, "
                    "bool deterministic=True) -> ()");

}  // namespace warpwright::torch_api
