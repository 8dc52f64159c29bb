"""CUDA kernels for LLM inference, bound to PyTorch.

Importing works everywhere, with or without a GPU, a driver or a CUDA build of torch; on CPU tensors every operator runs
its reference, and what a CUDA call misses it says when it is called. ``python -m warpwright`` shows what this wheel
holds and what this machine has.
"""

import sys as _sys

from warpwright import _program

# As the program, the package loads nothing: the doctor looks for what would keep it from being loaded.
if not _program.is_the_program(_sys.argv, _sys.orig_argv):
    from warpwright import _extension as _extension  # loads the library: the operators below need it registered
    from warpwright import fake as _fake
    from warpwright import gradient as _gradient
    from warpwright import int4_reference as _int4_reference
    from warpwright import reference as _reference
    from warpwright.elementwise import rmsnorm, silu_and_mul
    from warpwright.gemm import fp8_blockwise_scaled_mm, fp8_scaled_mm, int8_scaled_mm
    from warpwright.int4 import (
        awq_dequantize,
        awq_marlin_repack,
        gptq_marlin_gemm,
        gptq_marlin_repack,
        marlin_permute_scales,
        marlin_zero_points,
    )

    __version__ = _extension.build_record().version  # with the wheel's label, as in its METADATA
    if not _gradient.is_registered():  # torch keeps what an earlier import of this copy has registered
        _reference.register()
        _fake.register()
        _int4_reference.register()
        _gradient.register()

__all__ = [
    "__version__",
    "awq_dequantize",
    "awq_marlin_repack",
    "fp8_blockwise_scaled_mm",
    "fp8_scaled_mm",
    "gptq_marlin_gemm",
    "gptq_marlin_repack",
    "int8_scaled_mm",
    "marlin_permute_scales",
    "marlin_zero_points",
    "rmsnorm",
    "silu_and_mul",
]
