"""What every contract refuses, on a GPU."""

from contracts.refused import *  # noqa: F403
