"""Tasks side by side, which end together."""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor, as_completed
from typing import TypeVar

Given = TypeVar("Given")


def side_by_side(tasks: Sequence[Callable[[], Given]], at_once: int, stop: threading.Event) -> list[Given]:
    """Run tasks, at most ``at_once`` at a time; give what they give, in their order.

    Where one raises, or this thread is interrupted, ``stop`` is set, and all are over before the exception goes on.
    """
    with ThreadPoolExecutor(max_workers=at_once) as pool:
        try:
            futures = [pool.submit(task) for task in tasks]
            for future in as_completed(futures):
                future.result()
        except BaseException:
            stop.set()
            pool.shutdown(wait=False, cancel_futures=True)
            raise
    return [future.result() for future in futures]
