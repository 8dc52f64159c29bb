// Activations of one element, in fp32.
#pragma once

namespace warpwright {

__device__ __forceinline__ float silu(float x) { return x / (1.f + __expf(-x)); }

}  // namespace warpwright
