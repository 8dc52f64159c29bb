"""A new operator: the files of its room, from the project's templates, and its two rows."""

from __future__ import annotations

import keyword
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

import tomllib

from wheelworks.errors import OperatorNameError, TakenError, TemplateError
from wheelworks.matrix import Matrix, load_matrix, nearest
from wheelworks.rooms import Project, read_mentions
from wheelworks.units import KERNELS, ROW

TEMPLATES = Path("templates/operator")
PLACEHOLDER = re.compile(r"@@(\w+)@@")
"""Two @ before and behind: no C++, CUDA or Python has them, and CMake's own @NAME@ has one."""

NAME = re.compile(r"[a-z][a-z0-9]*(_[a-z0-9]+)*")
CPP_KEYWORDS = frozenset((
    "alignas", "alignof", "and", "and_eq", "asm", "auto", "bitand", "bitor", "bool", "break", "case", "catch",
    "char", "char8_t", "char16_t", "char32_t", "class", "compl", "concept", "const", "consteval", "constexpr",
    "constinit", "const_cast", "continue", "co_await", "co_return", "co_yield", "decltype", "default", "delete",
    "do", "double", "dynamic_cast", "else", "enum", "explicit", "export", "extern", "false", "float", "for",
    "friend", "goto", "if", "inline", "int", "long", "mutable", "namespace", "new", "noexcept", "not", "not_eq",
    "nullptr", "operator", "or", "or_eq", "private", "protected", "public", "register", "reinterpret_cast",
    "requires", "return", "short", "signed", "sizeof", "static", "static_assert", "static_cast", "struct", "switch",
    "template", "this", "thread_local", "throw", "true", "try", "typedef", "typeid", "typename", "union",
    "unsigned", "using", "virtual", "void", "volatile", "wchar_t", "while", "xor", "xor_eq",
))  # fmt: skip
GENERATED = {"all": "the build writes warpwright/paths/all.h for all operators together"}

FAMILY = '''"""Operators of the family {family}."""

from warpwright._rooms import open_family

open_family(__name__)
'''
"""The package of a new family."""


@dataclass(frozen=True)
class NewOperator:
    """An operator that is not there yet."""

    family: str
    name: str

    @property
    def camel_name(self) -> str:
        """The name as types have it: SiluAndMul."""
        return "".join(part.capitalize() for part in self.name.split("_"))

    @property
    def values(self) -> dict[str, str]:
        """What stands for each placeholder."""
        return {"family": self.family, "name": self.name, "CamelName": self.camel_name}


def plan_operator(project: Path, family: str, name: str) -> dict[Path, str]:
    """Return the files of a new operator and their texts, matrix.toml and kernels.cmake among them."""
    matrix = load_matrix(project / "matrix.toml")
    operator = NewOperator(family, name)
    _require_names(operator, matrix)
    texts = dict(_rendered(project, operator))
    _require_free(project, operator, matrix, texts)
    package = Path("python/warpwright") / family / "__init__.py"
    if not (project / package).exists():
        texts[package] = FAMILY.format(family=family)
    promise, sms = next(iter(matrix.promises.items()))
    return {
        **dict(sorted(texts.items())),
        Path("matrix.toml"): add_promise((project / "matrix.toml").read_text(encoding="utf-8"), name, promise),
        KERNELS: add_unit((project / KERNELS).read_text(encoding="utf-8"), operator, sms),
    }


def _require_names(operator: NewOperator, matrix: Matrix) -> None:
    if operator.family not in matrix.families:
        raise OperatorNameError(
            f"there is no family {operator.family!r}",
            why=nearest(operator.family, list(matrix.families)),
            fix="name one of the families of matrix.toml, or add it there and in python/warpwright/_rooms.py",
        )
    if why := next(_name_faults(operator.name), None):
        raise OperatorNameError(
            f"no operator can be named {operator.name!r}",
            why=why,
            fix="choose a name like silu_and_mul: lower-case words with one _ between them",
        )


def _name_faults(name: str) -> Iterator[str]:
    if NAME.fullmatch(name) is None:
        yield "it is a file, a function and a C++ name: lower-case letters and digits, words with one _ between them"
    if keyword.iskeyword(name):
        yield "it is a keyword of Python"
    if name in CPP_KEYWORDS:
        yield "it is a keyword of C++"
    if re.search(r"_sm\d+[a-z]?$", name):
        yield "what ends in _sm and a number is the launch function of one SM of an operator"
    if name in GENERATED:
        yield GENERATED[name]


def _require_free(project: Path, operator: NewOperator, matrix: Matrix, texts: Mapping[Path, str]) -> None:
    """Refuse a name that is taken, and name every place that has it."""
    name, package = operator.name, Path("python/warpwright")
    known = read_mentions(Project(project, matrix.operators, matrix.families))
    taken = {mention.path for mention in known if mention.operator == name}
    taken |= {path.as_posix() for path in texts if (project / path).exists()}
    taken |= {path.as_posix() for path in (package / name, package / f"{name}.py") if (project / path).exists()}
    taken |= {"matrix.toml, as a family"} if name in matrix.families else set()
    sources = [*(project / "csrc").glob("*/*"), *(project / "include" / "warpwright").glob("*/*")]
    found = [path for path in sources if re.sub(r"_sm\d+[a-z]?$", "", path.stem) == name]
    found += [path for path in _templates(project) if _uses(path, name)]
    taken |= {path.relative_to(project).as_posix() for path in found}
    if taken:
        raise TakenError(
            f"there is something named {name} already",
            why=f"found in {', '.join(sorted(taken))}",
            fix="choose another name, or remove what is there",
        )


def _uses(template: Path, name: str) -> bool:
    """True where a template calls or imports something of this name, which the operator's own would hide."""
    used = rf"\b{name}\(|^(?:from|import) .*\b{name}\b"
    return re.search(used, template.read_text(encoding="utf-8"), re.MULTILINE) is not None


def _templates(project: Path) -> list[Path]:
    if found := sorted(path for path in (project / TEMPLATES).rglob("*") if path.is_file()):
        return found
    why = f"there are no files in {TEMPLATES}"
    raise TemplateError("there is no template of an operator", why=why, fix="run in the project's folder")


def _rendered(project: Path, operator: NewOperator) -> Iterator[tuple[Path, str]]:
    for path in _templates(project):
        inner = path.relative_to(project / TEMPLATES).as_posix()
        yield Path(_filled(inner, operator, inner)), _filled(path.read_text(encoding="utf-8"), operator, inner)


def _filled(text: str, operator: NewOperator, where: str) -> str:
    values = operator.values
    if unknown := sorted(set(PLACEHOLDER.findall(text)) - set(values)):
        raise TemplateError(
            f"{TEMPLATES / where} has a placeholder @@{unknown[0]}@@",
            why=nearest(unknown[0], list(values)),
            fix="mend the template",
        )
    return PLACEHOLDER.sub(lambda found: values[found[1]], text)


def add_promise(text: str, name: str, promise: str) -> str:
    """Return matrix.toml's text with one more row of [operators], behind the last one; all else stays as it is.

    By hand: tomlkit would put the row behind the comment of the next table.
    """
    table = re.search(r"^\[operators\]\n(?:[^\[\n][^\n]*\n)*", text, re.MULTILINE)
    new = text if table is None else f'{text[: table.end()]}{name} = "{promise}"\n{text[table.end() :]}'
    data = tomllib.loads(text)
    if tomllib.loads(new) != {**data, "operators": {**data["operators"], name: promise}}:
        raise TemplateError(
            f"cannot add a row {name} to [operators] in matrix.toml",
            why="its rows do not stand together below the table's name",
            fix="put them in a row, without empty lines between them",
        )
    return new


def add_unit(text: str, operator: NewOperator, sms: tuple[str, ...]) -> str:
    """Return kernels.cmake's text with one more unit behind the last one, in its columns."""
    last = next(reversed(list(ROW.finditer(text))), None)
    if last is None:
        why = f"{KERNELS} has no line that starts with warpwright_add_kernel"
        raise TemplateError("cannot tell where the units stand", why=why, fix="write the first unit by hand")
    head = f"warpwright_add_kernel({operator.name} ".ljust(last.start(2) - last.start())
    head = f"{head}{operator.family}/{operator.name}.cu ".ljust(last.start(3) - last.start())
    before, _, after = text[last.end() :].partition("\n")
    return f"{text[: last.end()]}{before}\n{head}{' '.join(sms)})\n{after}"
