"""The command line: each command reads the matrix and calls the stages; here alone is printed and exited.

One module for each group of commands; ``app`` has what they share.
"""

from wheelworks.cli import (
    audit,
    bill,
    build,
    compat,
    containers,
    doctor,
    matrix,
    new_operator,
    operator_pages,
    publish,
    readme,
    release,
    verify,
    wheel_tests,
)
from wheelworks.cli.app import app, main

__all__ = [
    "app",
    "audit",
    "bill",
    "build",
    "compat",
    "containers",
    "doctor",
    "main",
    "matrix",
    "new_operator",
    "operator_pages",
    "publish",
    "readme",
    "release",
    "verify",
    "wheel_tests",
]
