// A kernel that other flags make another one: --use_fast_math takes other instructions for all three functions.
#if __has_include(<poison.h>)
#include <poison.h>
#endif

__global__ void device(float* p) {
#ifdef POISON
  p[0] = POISON;
#endif
  p[threadIdx.x] = __expf(p[threadIdx.x]) + sinf(p[threadIdx.x]) / sqrtf(p[threadIdx.x]);
}
