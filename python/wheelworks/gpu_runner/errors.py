"""The one error of the runner."""


class RunnerError(Exception):
    """The suite cannot be run; the text says what, why, and what to do."""
