#include "speculative/arrays.h"
#include "torch/checks.h"
#include "torch/launch.h"
#include "torch/memory.h"
#include "torch/operator.h"
#include "torch/random.h"
#include "warpwright/paths/chain_speculative_sampling.h"
#include "warpwright/speculative/sample_draft.h"

namespace warpwright::torch_api {

namespace {

constexpr SmPath<SampleDraftLaunch> kPaths[] = {WARPWRIGHT_PATHS_chain_speculative_sampling};
constexpr int64_t kMostNumber = 0x7fffffff;

struct ChainArgs {
  const Arg draft, tokens, target, accepted, emitted;
  const std::optional<Arg> seeds, offsets;
};

void check(const ChainArgs& args) {
  const Arg& on = args.draft;
  const char* why = "that of draft_probs";
  check_array(on, on, {ScalarType::Float}, {{}, {}, {}});
  const int64_t requests = on.size(0), drafted = on.size(1), vocabulary = on.size(2);
  check_at_least("the vocabulary", vocabulary, 1);
  check_at_most("the vocabulary", vocabulary, kMostNumber, "32 bits hold a token");
  check_at_most("the draft tokens of a request", drafted, kMostNumber, "32 bits number their random words");
  check_indices(args.tokens, on, {{requests, why}, {drafted, why}});
  check_array(args.target, on, {ScalarType::Float},
              {{requests, why}, {drafted + 1, "one more than the draft tokens"}, {vocabulary, why}});
  check_indices(args.accepted, on, {{requests, why}});
  check_indices(args.emitted, on, {{requests, why}});
  check_random(args.seeds, args.offsets, requests, on);
  check_separate({&args.accepted, &args.emitted}, {&args.draft, &args.tokens, &args.target});
  for (const Arg* out : {&args.accepted, &args.emitted}) {
    if (args.seeds.has_value()) check_apart(*out, span_of(*out), *args.seeds, span_of(*args.seeds));
    if (args.offsets.has_value()) check_apart(*out, span_of(*out), *args.offsets, span_of(*args.offsets));
  }
}

Tensor chain_speculative_sampling(const Tensor& draft_probs, const Tensor& draft_token_ids, const Tensor& target_probs,
                                  const Tensor& output_accepted_token_num, const Tensor& output_emitted_draft_token_num,
                                  bool /* deterministic: it always is */, int64_t seed, int64_t offset,
                                  const std::optional<Tensor>& seeds, const std::optional<Tensor>& offsets) {
  const ChainArgs args{{draft_probs, "draft_probs"},
                       {draft_token_ids, "draft_token_ids"},
                       {target_probs, "target_probs"},
                       {output_accepted_token_num, "output_accepted_token_num"},
                       {output_emitted_draft_token_num, "output_emitted_draft_token_num"},
                       optional_arg(seeds, "seeds"),
                       optional_arg(offsets, "offsets")};
  check(args);
  const int64_t requests = args.draft.size(0), drafted = args.draft.size(1);
  LaunchScope scope(args.draft);
  const Tensor tokens = scope.empty(number_of(ScalarType::Int), requests, drafted + 1);
  if (requests == 0) return tokens;

  SampleDraftProblem problem;
  problem.is_chain = true;
  problem.rows = {args.target.data_of<float>(), args.draft.data_of<float>(), args.draft.size(2),
                  segment_of(args.draft.size(2))};
  problem.chain.draft_tokens = index_array(args.tokens);
  problem.chain.accepted = index_output(args.accepted);
  problem.chain.emitted = index_output(args.emitted);
  problem.chain.tokens = static_cast<int32_t*>(tokens.mutable_data_ptr());
  problem.chain.requests = requests;
  problem.chain.drafted = drafted;
  problem.chain.random = random_source(scope, seed, offset, args.seeds, args.offsets);
  problem.has_clusters = has_clusters(kPaths, scope.device());
  launch_dependent("chain_speculative_sampling", kPaths, scope, problem, std::nullopt, scope.device());
  return tokens;
}

}  // namespace

WARPWRIGHT_OPERATOR(chain_speculative_sampling,
                    "(Tensor draft_probs, Tensor draft_token_ids, Tensor target_probs, "
                    "Tensor! output_accepted_token_num, Tensor! output_emitted_draft_token_num, "
                    "bool deterministic=True, int seed=0, int offset=0, Tensor? seeds=None, Tensor? offsets=None) "
                    "-> Tensor");

}  // namespace warpwright::torch_api
