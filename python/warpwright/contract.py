"""What an operator promises, as data: the type of the ``CONTRACT`` in each ``warpwright/<family>/<operator>.py``.

All that is general follows from it: the reference on the CPU and the fake kernel (`warpwright._registry`), the tests of
tests/contracts, the rows of the benchmark, and the pages of docs/operators. What stands elsewhere is not said again:
the schema in csrc/<family>/<operator>.cpp, the SMs in matrix.toml.

Functions of a contract take the arguments of the schema by name, and of those the ones that they need.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from enum import Enum
from types import MappingProxyType
from typing import Any, TypeAlias

import torch

from warpwright.checks import Size
from warpwright.draw import Draw

Arguments: TypeAlias = dict[str, Any]
"""A call: what the schema's arguments are, in its order."""
Change: TypeAlias = Callable[[Arguments], Arguments]
"""What is put in place of some arguments of a call."""


@dataclass(frozen=True)
class Output:
    """A tensor that is returned: new, contiguous, and on the device of the first tensor that is given."""

    shape: tuple[Size, ...]
    dtype: torch.dtype


@dataclass(frozen=True)
class Sample:
    """A call that is taken: ``make`` with some sizes, and what is put in place of some arguments of it."""

    name: str
    sizes: Mapping[str, Any]
    change: Change | None = None


@dataclass(frozen=True)
class Refusal:
    """A call that is refused, and words of the error; ``{device}`` stands for the device of the call."""

    name: str
    words: str
    change: Change
    sizes: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class Tolerance:
    """How far a result may be from the reference in float64, and why: relative, and relative to the largest result.

    Whole numbers have to be equal, or may be off by the number that stands for their dtype.
    """

    relative: Mapping[torch.dtype, float]
    of_largest: float
    origin: str

    @property
    def is_exact(self) -> bool:
        """True where every bit has to be right."""
        return not self.relative


EXACT = Tolerance({}, 0.0, "whole numbers, or one rounding of an exact value: every bit is right")

ROUNDING = {torch.float16: 2.0**-10, torch.bfloat16: 2.0**-7, torch.float32: 2.0**-22}
"""Half a unit in the last place, relative, and as much again for what goes before the last rounding."""
ROUNDING_TO_8_BITS = {**ROUNDING, torch.float8_e4m3fn: 2.0**-4 + 2.0**-14, torch.int8: 1}
"""The same of a quotient that is rounded to 8 bits: half a unit and what float32 brings; in int8, one off."""


def rounded_once(why: str, of_largest: float = 0.0) -> Tolerance:
    """Return the tolerance of float32 arithmetic with one rounding at the end."""
    return Tolerance(ROUNDING, of_largest, f"half a unit in the last place, and as much again for {why}")


class TraitKind(str, Enum):
    """Where something general cannot hold: each kind says which check is lifted, or put differently."""

    SYNCHRONISES = "synchronises"
    """The host waits for the device: it is not checked that it does not."""
    FALLS_BACK = "falls back"
    """It runs wherever the operator ``by`` does, also on an SM that none of its own units serves."""
    NEVER_IN_PLACE = "never in place"
    """No argument can take the result: there is no sample of that name."""
    NEVER_SLICED = "never sliced"
    """Arguments are contiguous: there is no sample of that name."""
    UNDETERMINED = "undetermined"
    """Several results are right, such as rows in any order: what ``determined`` makes of them is compared."""
    RACES_UNCHECKED = "races unchecked"
    """racecheck reports what is no race in the samples that ``by`` names: they run under the other sanitizers alone."""
    HOST_OPERANDS = "host operands"
    """Some tensors stay on the CPU, those that ``by`` names: they are not refused there."""


@dataclass(frozen=True)
class Trait:
    """A general check that cannot hold for an operator, and why."""

    kind: TraitKind
    reason: str
    by: str = ""


def no_operations() -> int:
    """Return that a method does no arithmetic worth counting: memory bounds it."""
    return 0


def no_peers() -> dict[str, Callable[[], object]]:
    """Return that nothing else does the same."""
    return {}


@dataclass(frozen=True)
class Contract:
    """One operator.

    Parameters
    ----------
    function
        The public function, whose name is the operator's and whose docstring is its documentation.
    check
        Refuses what the operator cannot take, in the words of its C++ file.
    reference
        What the operator means, in plain torch: takes ``wide``, the dtype to compute in, and returns what is written or
        returned, in the order of the schema, not rounded yet.
    make
        A call of given sizes: takes a `Draw` and keywords with defaults, of which the first is the size that varies
        from call to call in a model, such as the number of tokens.
    samples, refusals, tolerance
        Calls that are taken, calls that are refused, and how near the result has to be.
    workloads
        Keywords of ``make`` that the benchmark times.
    output
        What is returned; None where the operator writes to tensors that it is given.
    call
        How a model calls ``function`` with the arguments of the schema, where their names differ, or where it gives
        something else than the outputs that are not read and what is new, in the schema's order.
    operations, peers
        Of a call: what the method multiplies and adds, and who else does the same.
    moves
        The bytes that the method must move, where they are not those of every tensor once, and of one that is read and
        written twice: a table of which some rows are read.
    determined
        Where several results are right: takes the call's arguments and ``results``, and returns tensors that are the
        same for all of them, such as rows in order, or for a choice by chance whether it is among those that may be.
    captured
        A call that a CUDA graph may capture, where not every one may: what would stay in the graph is refused there.
    traits
        Where something general cannot hold.
    also_in
        Other modules of this package that callers import the function from.
    differs
        What a caller of sgl_kernel finds different, where a call of both gives something else: taking more calls, and
        refusing what is undefined there, is no difference.
    """

    function: Callable[..., Any]
    check: Callable[..., None]
    reference: Callable[..., Any]
    make: Callable[..., Arguments]
    samples: tuple[Sample, ...]
    refusals: tuple[Refusal, ...]
    tolerance: Tolerance
    workloads: tuple[Mapping[str, Any], ...]
    output: Callable[..., Output | tuple[Output, ...]] | None = None
    call: Callable[..., Any] | None = None
    operations: Callable[..., int] = no_operations
    moves: Callable[..., int] | None = None
    peers: Callable[..., Mapping[str, Callable[[], object]]] = no_peers
    determined: Callable[..., tuple[torch.Tensor, ...]] | None = None
    captured: Sample = Sample("captured", MappingProxyType({}))
    traits: tuple[Trait, ...] = ()
    also_in: tuple[str, ...] = ()
    differs: str = ""

    @property
    def name(self) -> str:
        """The operator's name, below ``torch.ops.warpwright`` and everywhere."""
        return self.function.__name__

    @property
    def family(self) -> str:
        """The package that it lives in."""
        return self.function.__module__.split(".")[1]

    def arguments(self, of: Sample | Refusal, draw: Draw) -> Arguments:
        """Make the call of a sample, or of a refusal."""
        made = self.make(draw, **of.sizes)
        return made if of.change is None else made | of.change(made)

    def trait(self, kind: TraitKind) -> Trait | None:
        """Return the trait of a kind, None without it."""
        return next((trait for trait in self.traits if trait.kind == kind), None)


def sample(name: str, change: Change | None = None, **sizes: Any) -> Sample:
    """Make a sample of ``make`` with these sizes."""
    return Sample(name, sizes, change)


def refuse(name: str, words: str, change: Change | None = None, **replaced: Callable[[Any], Any]) -> Refusal:
    """Make a refusal of the typical call: by a change of the call as a whole, or of its arguments one by one."""
    return Refusal(name, words, change or each(**replaced))


def each(**replaced: Callable[[Any], Any]) -> Change:
    """Return the change that puts the outcome of a function in place of an argument, for each one that is named."""
    return lambda call: {name: make(call[name]) for name, make in replaced.items()}
