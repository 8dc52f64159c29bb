#include "elementwise/rope_heads.h"

#include "torch/checks.h"

namespace warpwright::torch_api {

namespace {

int64_t token_stride_of(const Arg& arg, int64_t token_dims) {
  int64_t tokens = arg.size(token_dims - 1), stride = arg.stride(token_dims - 1);
  for (int64_t outer = token_dims - 2; outer >= 0; --outer) {
    const int64_t size = arg.size(outer);
    if (tokens <= 1) stride = arg.stride(outer);
    WARPWRIGHT_CHECK(size <= 1 || tokens <= 1 || arg.stride(outer) == tokens * stride, arg.name, " has strides ",
                     strides_of(arg), " for shape ", shape_of(arg),
                     ", expected tokens at one distance from each other: call .contiguous() on it");
    tokens *= size;
  }
  return tokens <= 1 ? 0 : stride;
}

// True where each item is at least `bytes` from the one before, or there is one alone.
bool is_wide(int64_t items, int64_t stride, int64_t bytes) { return items <= 1 || stride >= bytes; }

}  // namespace

Heads heads_of(const Arg& arg, int64_t token_dims, int64_t head_dim) {
  Heads found;
  found.tokens = 1;
  for (int64_t dim = 0; dim < token_dims; ++dim) found.tokens *= arg.size(dim);
  found.head_dim = head_dim;
  const bool is_flat = arg.dim() == token_dims + 1;
  found.heads = is_flat ? arg.size(token_dims) / head_dim : arg.size(token_dims);
  found.head_stride = found.heads <= 1 ? 0 : is_flat ? head_dim : arg.stride(token_dims);
  found.token_stride = token_stride_of(arg, token_dims);
  return found;
}

Rows written_heads(const Arg& arg, const Heads& of) {
  const int64_t head = of.head_dim, heads = (of.heads - 1) * of.head_stride + head;
  const int64_t tokens = (of.tokens - 1) * of.token_stride + head;
  const bool apart = (is_wide(of.heads, of.head_stride, head) && is_wide(of.tokens, of.token_stride, heads)) ||
                     (is_wide(of.tokens, of.token_stride, head) && is_wide(of.heads, of.head_stride, tokens));
  WARPWRIGHT_CHECK(apart, arg.name, " has strides ", strides_of(arg), " for shape ", shape_of(arg),
                   ", expected heads that do not overlap: at least ", head, " elements apart");
  const int64_t start = int64_t(arg.address()), bytes = arg.element_bytes();
  const auto rows = [&](int64_t count, int64_t stride, int64_t elements) {
    return Rows{start, count, stride * bytes, elements * bytes};
  };
  if (of.heads <= 1 || of.head_stride == head) return rows(of.tokens, of.token_stride, heads);
  if (of.tokens <= 1 || of.token_stride == of.heads * of.head_stride) {
    return rows(of.tokens * of.heads, of.head_stride, head);
  }
  if (of.token_stride == head) return rows(of.heads, of.head_stride, tokens);
  return rows(1, 0, (of.tokens - 1) * of.token_stride + heads);
}

}  // namespace warpwright::torch_api
