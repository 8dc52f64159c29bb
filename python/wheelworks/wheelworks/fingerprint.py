"""What compiles, as digests: ccache looks at the compilers that it starts, and these start others."""

from __future__ import annotations

import re
from pathlib import Path

from wheelworks.errors import BuildError
from wheelworks.process import Runner

TOOLKIT = (
    "bin/nvcc", "bin/nvcc.profile", "bin/bin2c", "bin/cudafe++", "bin/fatbinary", "bin/nvlink", "bin/ptxas",
    "nvvm/bin/cicc", "nvvm/libdevice/libdevice.10.bc", "reproducible/cudafe++",
)  # fmt: skip
"""The files of a CUDA toolkit that have a part in an object, less its headers, which the cache sees as included."""

HOST = ("cc1plus", "as", "collect2", "ld")
"""The programs behind a host compiler, by the names that GCC and Clang know them by."""

SCRIPT = """
cd "$1" && sha256sum {toolkit}
for name in {host}; do
  program=$("$2" -print-prog-name="$name") && program=$(command -v "$program") && sha256sum "$program"
done
sha256sum "$2"
"""
LINE = re.compile(r"([0-9a-f]{64})  (.+)")


def fingerprint(toolkit: Path, compiler: Path, run: Runner) -> str:
    """Return a line with digest and name for each program and file that has a part in an object, where it is run."""
    script = SCRIPT.format(toolkit=" ".join(TOOLKIT), host=" ".join(HOST))
    done = run(["sh", "-c", script, "fingerprint", toolkit, compiler])
    lines = [
        f"{found[1]}  {Path(found[2]).name}" for line in done.output.splitlines() if (found := LINE.fullmatch(line))
    ]
    if not any(line.endswith(" nvcc") for line in lines):
        raise BuildError(
            "the compilers cannot be looked at",
            why=f"no digest of {toolkit}/bin/nvcc: {done.last_lines(5)}",
            fix="run `wheelworks doctor`, which reads every byte of the toolchain",
        )
    return "".join(f"{line}\n" for line in lines)
