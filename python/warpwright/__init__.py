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
    from warpwright import _rooms as _rooms
    from warpwright._rooms import operators

    __version__ = _extension.build_record().version  # with the wheel's label, as in its METADATA
    __all__ += [*_rooms.HELPERS, *_rooms.family_of()]
    if not _registry.is_registered():  # torch keeps what an earlier import of this copy has registered
        _registry.register()

    def __getattr__(name: str) -> _Any:
        """Return a public function when it is first asked for."""
        globals()[name] = function = _rooms.public(name)
        return function

    def __dir__() -> list[str]:
        return sorted({*globals(), *__all__})
