"""docs/sgl_kernel.toml: the functions of sgl_kernel, what each version calls their arguments, and why some lack."""

from __future__ import annotations

import ast
import inspect
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Literal

import tomllib
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from wheelworks.errors import PagesError

PACKAGE = "sgl_kernel"
"""What stands for a module that is not known: the name is imported from the package."""

Text = Annotated[str, Field(min_length=1)]
Versions = Annotated[str, Field(pattern=r"^0\.\d+\.\d+(, 0\.\d+\.\d+)*$")]
Forms = Annotated[dict[Versions, str], Field(min_length=1)]


@dataclass(frozen=True)
class Name:
    """A name of sgl_kernel: how each version calls it, and what is told where it is not here."""

    name: str
    family: str
    module: str
    forms: Mapping[str, inspect.Signature]
    why: str

    @property
    def versions(self) -> str:
        """The versions that have it."""
        return ", ".join(self.forms)


class _Document(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)

    schema_: Literal[1] = Field(alias="schema")
    not_here: dict[Text, tuple[str, ...]] = Field(alias="not-here")
    families: dict[str, dict[str, dict[str, Forms]]]

    def rows(self) -> Iterator[tuple[str, str, str, dict[str, str]]]:
        """Return family, module, name and forms."""
        for family, modules in self.families.items():
            for module, names in modules.items():
                for name, forms in names.items():
                    yield family, module, name, forms


def read_names(path: Path) -> tuple[Name, ...]:
    """Return all names in the order of the file, each once and with a reason; a PagesError says what is wrong."""
    try:
        document = _Document.model_validate(tomllib.loads(path.read_text(encoding="utf-8")))
        return tuple(_names(document))
    except (OSError, ValidationError, ValueError, SyntaxError) as error:
        fix = "see the comment at its top, and the names beside"
        raise PagesError(f"{path} cannot be read", why=str(error), fix=fix) from error


def _names(document: _Document) -> Iterator[Name]:
    rows = list(document.rows())
    names = [name for _, _, name, _ in rows]
    if twice := sorted({name for name in names if names.count(name) > 1}):
        raise ValueError(f"it has {', '.join(twice)} twice")
    why = {each: reason for reason, told in document.not_here.items() for each in told}
    if unknown := sorted(why.keys() - {*names, *document.families}):
        raise ValueError(f"not-here tells of {', '.join(unknown)}, which is neither a family nor a name")
    if without := sorted({family for family, _, name, _ in rows if name not in why} - why.keys()):
        raise ValueError(f"not-here tells nothing of {', '.join(without)}")
    for family, module, name, forms in rows:
        signatures = {versions: parse_arguments(arguments) for versions, arguments in forms.items()}
        yield Name(name, family, module, signatures, why.get(name) or why[family])


def parse_arguments(text: str) -> inspect.Signature:
    """Return the signature of a list of arguments, as it stands in a definition; its defaults are texts."""
    function = ast.parse(f"lambda {text}: ...", mode="eval").body
    if not isinstance(function, ast.Lambda):
        raise SyntaxError(f"{text!r} is no list of arguments")
    arguments = function.args
    defaults: list[ast.expr | None] = [None] * (len(arguments.args) - len(arguments.defaults))
    rows: list[tuple[ast.arg, ast.expr | None, inspect._ParameterKind]] = [
        (each, default, inspect.Parameter.POSITIONAL_OR_KEYWORD)
        for each, default in zip(arguments.args, [*defaults, *arguments.defaults], strict=True)
    ]
    rows += [
        (each, default, inspect.Parameter.KEYWORD_ONLY)
        for each, default in zip(arguments.kwonlyargs, arguments.kw_defaults, strict=True)
    ]
    return inspect.Signature([
        inspect.Parameter(each.arg, kind, default=ast.unparse(default) if default else inspect.Parameter.empty)
        for each, default, kind in rows
    ])  # fmt: skip
