// Programmatic dependent launch: a kernel's blocks may start while the kernel before it on the stream still runs (CUDA
// C++ Programming Guide, "Programmatic Dependent Launch and Synchronization"; SM 9.0 and newer). A launcher asks for it
// with LaunchShape::dependent, and then every thread of the kernel calls wait_for_earlier_kernels before it reads or
// writes memory that another kernel may have to do with: also a thread that has nothing to do, so that the end of this
// kernel is an end of all earlier ones too.
#pragma once

namespace warpwright {

// Returns when all that was launched before on the stream has ended and what it wrote can be read.
__device__ __forceinline__ void wait_for_earlier_kernels() {
#if defined(__CUDA_ARCH__) && __CUDA_ARCH__ >= 900
  asm volatile("griddepcontrol.wait;" ::: "memory");
#endif
}

// Lets the next kernel's blocks start once every block of this one has come here. They wait themselves for what this
// one writes, so the place is free.
__device__ __forceinline__ void let_later_kernels_start() {
#if defined(__CUDA_ARCH__) && __CUDA_ARCH__ >= 900
  asm volatile("griddepcontrol.launch_dependents;");
#endif
}

}  // namespace warpwright
