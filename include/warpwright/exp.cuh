// e^x in fp32 by multiplications and additions alone, so that it has the same bits on every GPU: the approximation that
// hardware has for 2^x is promised to within two units in the last place, and not to be the same.
#pragma once

#include <cuda_runtime.h>

namespace warpwright {

// e^x for x <= 0, to within 1.5e-7 of itself; 0 below 2^-126, also of -inf. Reduction to 2^n 2^f, |f| <= 1/2, and the
// Taylor series of 2^f = e^(f ln 2), whose next term is below 6e-9.
__device__ __forceinline__ float exp_of_negative(float x) {
  constexpr float kLog2eHigh = 1.4426950216293335f, kLog2eLow = 1.9259629911e-8f, kToWhole = 12582912.0f;  // 1.5 * 2^23
  x = fmaxf(x, -87.33654f);
  const float shifted = fmaf(x, kLog2eHigh, kToWhole);
  const float whole = shifted - kToWhole;
  const float part = fmaf(x, kLog2eLow, fmaf(x, kLog2eHigh, -whole));
  float power = 1.525273380e-5f;
  power = fmaf(power, part, 1.540353039e-4f);
  power = fmaf(power, part, 1.333355815e-3f);
  power = fmaf(power, part, 9.618129108e-3f);
  power = fmaf(power, part, 5.550410866e-2f);
  power = fmaf(power, part, 2.402265070e-1f);
  power = fmaf(power, part, 6.931471806e-1f);
  power = fmaf(power, part, 1.0f);
  return x <= -87.33654f ? 0.0f : __int_as_float(__float_as_int(power) + (__float_as_int(shifted) << 23));
}

}  // namespace warpwright
