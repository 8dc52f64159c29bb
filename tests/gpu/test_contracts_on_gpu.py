"""What every contract promises of graphs, streams, threads and devices, on a GPU."""

from contracts.on_gpu import *  # noqa: F403
