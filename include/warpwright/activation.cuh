// Activations of one element, in fp32. Each is x times a factor that keeps its relative precision where it is tiny: none
// is a difference of numbers that nearly cancel. Where x is -inf the factor is 0 and the product NaN, as in torch.
#pragma once

namespace warpwright {

// 2^x in one instruction. What is less than 2^-126 becomes 0, which no sum with 1 can tell.
__device__ __forceinline__ float fast_power_of_two(float x) {
  float power;
  asm("ex2.approx.ftz.f32 %0, %1;" : "=f"(power) : "f"(x));
  return power;
}

// x / (1 + 2^exponent). Where the divisor is past 2^126 the quotient is 0.
__device__ __forceinline__ float over_one_and_power_of_two(float x, float exponent) {
  return __fdividef(x, 1.f + fast_power_of_two(exponent));
}

// x * sigmoid(x). Elfwing, Uchibe and Doya, "Sigmoid-Weighted Linear Units", 2017 (arXiv:1702.03118).
__device__ __forceinline__ float silu(float x) {
  return over_one_and_power_of_two(x, -1.442695041f * x);  // 1 / ln(2)
}

// x * sigmoid(1.702 x). Hendrycks and Gimpel, "Gaussian Error Linear Units", 2016 (arXiv:1606.08415), section 2.
__device__ __forceinline__ float gelu_quick(float x) {
  return over_one_and_power_of_two(x, -2.455466960f * x);  // 1.702 / ln(2)
}

// x / 2 * (1 + tanh(u)) with u = sqrt(2 / pi) (x + 0.044715 x^3), of the same paper; (1 + tanh(u)) / 2 is sigmoid(2 u).
__device__ __forceinline__ float gelu_tanh(float x) {
  constexpr float kLinear = -2.302208198f;  // -2 sqrt(2 / pi) / ln(2)
  constexpr float kCubic = 0.044715f * kLinear;
  return over_one_and_power_of_two(x, x * fmaf(kCubic, x * x, kLinear));
}

// x times the probability that a normal number is less than x, of the same paper. For the tail that is
// erfc(|x| / sqrt(2)) / 2 = exp(-x^2 / 2) p(t), where p is of degree 8 in t = 1 / (1 + 0.3 |x|) as in Abramowitz and
// Stegun, 7.1.26. The coefficients are of a least squares fit to the largest relative error, 2^-22.7 for |x| < 14;
// CUDA's erfcf, as near, takes twice as many instructions, and longer than the memory does.
__device__ __forceinline__ float gelu(float x) {
  constexpr float kOf[] = {0.035674400938f, -0.157201426401f, 0.206350492731f, -0.053680737347f,
                           0.128560025577f, 0.099913994224f,  0.120753873209f, 0.119629304363f};
  const float t = __fdividef(1.f, fmaf(0.3f, fabsf(x), 1.f));
  float p = kOf[0];
#pragma unroll
  for (int i = 1; i < 8; ++i) p = fmaf(p, t, kOf[i]);
  const float tail = p * t * fast_power_of_two(-0.7213475204f * (x * x));  // 1 / (2 ln(2))
  return x * (x > 0.f ? 1.f - tail : tail);
}

// max(x, 0)^2. So et al., "Primer", 2021 (arXiv:2109.08668). NaN stays NaN, which fmaxf would drop.
__device__ __forceinline__ float relu2(float x) { return x < 0.f ? 0.f : x * x; }

}  // namespace warpwright
