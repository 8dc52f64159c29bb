"""Whether calls of sgl_kernel work here: from the arguments of its versions, and what a wheel says of its own."""

from __future__ import annotations

import inspect
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from wheelworks.operator_export import Export, Function
from wheelworks.sgl_names import PACKAGE, Name


@dataclass(frozen=True)
class Verdict:
    """What is found of one name: the function that has it, None where none has, and in which way it differs."""

    name: Name
    function: Function | None
    differs: str = ""

    @property
    def works(self) -> bool:
        """True where arguments of every version are taken, by position and by name, and no difference is told of.

        That they mean the same, no signature shows: the tests of an operator do, and its contract tells where not.
        """
        return self.function is not None and not self.differs


def judge(names: Sequence[Name], export: Export) -> tuple[Verdict, ...]:
    """Return what becomes of each name with a wheel."""
    functions = {function.name: function for function in export.functions}
    told = {operator.name: operator.differs for operator in export.operators}
    found = []
    for name in names:
        function = functions.get(name.name)
        differs = told.get(function.operator or "", "") or refusal(function, name.forms) if function else ""
        found.append(Verdict(name, function, differs))
    return tuple(found)


def refusal(function: Function, forms: Mapping[str, inspect.Signature]) -> str:
    """Return which version's arguments a function does not take; nothing where it takes all of them."""
    own = signature_of(function)
    for versions, form in forms.items():
        if not all(_takes(own, *call) for call in calls(form)):
            lacking = [f"`{name}`" for name in form.parameters if name not in own.parameters]
            return f"does not take {' and '.join(lacking) or 'all calls'} of {versions}"
    if not any(_in_place(own, form) for form in forms.values()):
        return f"takes the arguments of {', '.join(forms)} in another order"
    return ""


def _takes(own: inspect.Signature, given: Sequence[str], named: Mapping[str, str]) -> bool:
    try:
        own.bind(*given, **named)
    except TypeError:
        return False
    return True


def signature_of(function: Function) -> inspect.Signature:
    """Return a function's signature; its defaults are not known."""
    empty = inspect.Parameter.empty
    variable = ("VAR_POSITIONAL", "VAR_KEYWORD")
    return inspect.Signature([
        inspect.Parameter(
            each.name,
            getattr(inspect.Parameter, each.kind),
            default=empty if each.required or each.kind in variable else None,
        )
        for each in function.parameters
    ])  # fmt: skip


def calls(form: inspect.Signature) -> Iterator[tuple[list[str], dict[str, str]]]:
    """Return calls with all arguments and with those alone that have no default, in order and by name.

    What is given is the name of the argument that it is given for.
    """
    everything = list(form.parameters.values())
    for chosen in (everything, [each for each in everything if each.default is each.empty]):
        in_order = [each.name for each in chosen if each.kind is each.POSITIONAL_OR_KEYWORD]
        by_name = [each.name for each in chosen if each.kind is each.KEYWORD_ONLY]
        yield in_order, {name: name for name in by_name}
        yield [], {name: name for name in (*in_order, *by_name)}


def _in_place(own: inspect.Signature, form: inspect.Signature) -> bool:
    """True where no argument that is given in order arrives at the place of another one of the same form.

    Of several forms one has to: the others may be told apart by what they are given, which no signature shows.
    """
    given, named = next(calls(form))
    bound: dict[str, Any] = own.bind(*given, **named).arguments
    return all(value == name for name, value in bound.items() if name in form.parameters)


def modules(verdicts: Sequence[Verdict], export: Export) -> Iterator[tuple[str, str, int, int]]:
    """Return each module of sgl_kernel, the one of its name here or nothing, and how many of its names that has."""
    for module in sorted({each.name.module for each in verdicts} - {PACKAGE}):
        own = [each for each in verdicts if each.name.module == module]
        place = f"warpwright.{module}"
        here = sum(place in each.function.modules for each in own if each.function)
        yield module, place if module in export.modules else "", here, len(own)
