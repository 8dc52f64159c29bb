"""CUDA kernels for LLM inference, bound to PyTorch.

Importing works everywhere, with or without a GPU, a driver or a CUDA build of torch; on CPU tensors every operator runs
its reference, and what a CUDA call misses it says when it is called. ``python -m warpwright`` shows what this wheel
holds and what this machine has; `operators` returns the contract of every operator.
"""

import sys as _sys
from typing import Any as _Any

from warpwright import _program

__all__ = ["__version__", "operators"]

# As the program, the package loads nothing: the doctor looks for what would keep it from being loaded.
if not _program.is_the_program(_sys.argv, _sys.orig_argv):
    from warpwright import _extension as _extension  # loads the library: what follows needs its operators registered
    from warpwright import _registry as _registry
    from warpwright import gradient as _gradient
    from warpwright._registry import operators
    from warpwright.quantization import marlin_permute_scales, marlin_zero_points

    __version__ = _extension.build_record().version  # with the wheel's label, as in its METADATA
    __all__ += ["marlin_permute_scales", "marlin_zero_points", *_registry.publish(_sys.modules[__name__])]
    if not _gradient.is_registered():  # torch keeps what an earlier import of this copy has registered
        _registry.register()
        _gradient.register()


def __getattr__(name: str) -> _Any:
    raise AttributeError(f"module 'warpwright' has no attribute {name!r}: warpwright.operators() names every operator")
