"""What every contract refuses, on the CPU."""

from contracts.refused import *  # noqa: F403
