"""Runs in a cell's environment, alone: imports the wheel and says what it was imported into and what it registered."""

from __future__ import annotations

import json
import platform
import sys

import torch

import warpwright

SCHEMAS = torch._C._jit_get_all_schemas()
OPERATORS = sorted({schema.name.split("::")[1] for schema in SCHEMAS if schema.name.startswith("warpwright::")})

if __name__ == "__main__":
    found = {
        "python": platform.python_version(),
        "torch": torch.__version__,
        "version": warpwright.__version__,
        "operators": OPERATORS,
    }
    sys.stdout.write(f"\n{json.dumps(found)}\n")
