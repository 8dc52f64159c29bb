"""`python -m warpwright`: what this wheel holds, what this machine has, and whether the two fit; `--help` says more."""

from __future__ import annotations

import os
import sys

from warpwright._refusal import REINSTALL

PATH = tuple(str(entry) for entry in sys.path)
"""Where users' imports are looked for; the working directory is the first of it."""

STANDARD = os.__file__.rpartition("/")[0]

if __name__ == "__main__":
    # The doctor's own imports are of the standard library, also where a json.py lies in the working directory.
    sys.path.sort(key=lambda entry: not str(entry).startswith(STANDARD))
    try:
        from warpwright.doctor import program
    except Exception as error:  # noqa: BLE001 - of a file that is missing or cut off
        sys.exit(f"python -m warpwright: the doctor cannot be imported, {error}: {REINSTALL}")
    sys.exit(program.main(sys.argv[1:], PATH))
