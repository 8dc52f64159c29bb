"""What every contract promises, on the CPU."""

from contracts.everywhere import *  # noqa: F403
