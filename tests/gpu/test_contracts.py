"""What every contract promises, on a GPU."""

from contracts.everywhere import *  # noqa: F403
