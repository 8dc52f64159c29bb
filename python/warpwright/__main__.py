"""`python -m warpwright`: what this wheel holds, what this machine has, and whether the two fit.

With `--kernels` it lists every kernel in the wheel instead.
"""

from __future__ import annotations

import sys

from warpwright import bill, doctor


def main() -> int:
    """Print the report; exit with 1 where CUDA operators cannot run."""
    if "--kernels" in sys.argv[1:]:
        sys.stdout.write("\n".join(bill.kernel_lines()) + "\n")
        return 0
    sys.stdout.write("\n".join(doctor.report()) + "\n")
    return 1 if doctor.verdict() else 0


if __name__ == "__main__":
    sys.exit(main())
