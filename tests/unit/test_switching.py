"""The page for callers of sgl_kernel: from the arguments of its versions and what a wheel says, and nothing else."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest

from operator_documents import FUNCTION, OPERATOR, export
from wheelworks.errors import PagesError
from wheelworks.matrix import Matrix
from wheelworks.operator_export import Function
from wheelworks.sgl_names import Name, parse_arguments, read_names
from wheelworks.switching import judge, modules, refusal
from wheelworks.switching_page import HEAD, MODULES, render_switching

NAMES = """\
schema = 1

[not-here]
planned = ["elementwise"]
"needs SM 10.0" = ["fp4_quant"]

[families.elementwise.elementwise]
rmsnorm = { "0.1.4" = "input, eps=1e-06", "0.4.5" = "input" }
silu = { "0.1.4, 0.4.5" = "input, out=None" }
gelu = { "0.4.5" = "input" }

[families.elementwise.gemm]
fp4_quant = { "0.3.21" = "input, *, scale" }
"""

PAGE = f"""\
{MODULES}
| module | here | names |
| --- | --- | --- |
| `sgl_kernel.elementwise` | `warpwright.elementwise` | 1 of 3 |
| `sgl_kernel.gemm` | not here | 0 of 1 |

## Names

Of 4 names, 1 work, 1 work with a difference, and 2 are not here. Names that
end in `_cpu`, and those of builds for other machines than NVIDIA's, are not counted.

### elementwise

| name | of | here |
| --- | --- | --- |
| [`rmsnorm`](operators/rmsnorm.md) | 0.1.4, 0.4.5 | works |
| `silu` | 0.1.4, 0.4.5 | differs: does not take `out` of 0.1.4, 0.4.5, as `warpwright.utils.silu` |

Not here (planned): `gelu`.

Not here (needs SM 10.0): `fp4_quant`.
"""


def parameters(text: str) -> list[dict[str, Any]]:
    found = []
    for each in text.split(", "):
        name, _, default = each.partition("=")
        kind = "VAR_KEYWORD" if "**" in name else "VAR_POSITIONAL" if "*" in name else "POSITIONAL_OR_KEYWORD"
        found.append({"name": name.strip("*"), "kind": kind, "required": not default})
    return found


def function(text: str, **more: Any) -> dict[str, Any]:
    return {**FUNCTION, "parameters": parameters(text), **more}


@pytest.fixture
def names(tmp_path: Path) -> tuple[Name, ...]:
    path = tmp_path / "names.toml"
    path.write_text(NAMES, encoding="utf-8")
    return read_names(path)


def test_the_page_tells_of_every_name_whether_it_works(names: tuple[Name, ...]) -> None:
    silu = function("input", name="silu", operator=None, modules=["warpwright.utils"])
    page = render_switching(names, export(functions=[FUNCTION, silu]))
    assert page.endswith(f"{HEAD}\n{PAGE}")


def test_a_module_that_lacks_a_name_has_fewer(names: tuple[Name, ...]) -> None:
    moved = function("input, eps=0", modules=["warpwright", "warpwright.norm"])
    said = export(functions=[moved])
    assert next(modules(judge(names, said), said)) == ("elementwise", "warpwright.elementwise", 0, 3)


def test_an_operator_says_itself_how_it_differs(names: tuple[Name, ...]) -> None:
    said = export({**OPERATOR, "differs": "zeros stay zero"})
    assert "| differs: zeros stay zero |" in render_switching(names, said)


def test_another_name_of_an_operator_differs_as_it_does(names: tuple[Name, ...]) -> None:
    alias = function("input", name="gelu", operator="rmsnorm")
    page = render_switching(names, export({**OPERATOR, "differs": "zeros stay zero"}, functions=[alias]))
    assert "| [`gelu`](operators/rmsnorm.md) | 0.4.5 | differs: zeros stay zero |" in page


@pytest.mark.parametrize(
    ("own", "forms", "words"),
    [
        ("a, b=0, more=0", {"0.1.4": "a, b=1", "0.4.5": "a, b=2"}, ""),
        ("a", {"0.1.4": "a, b", "0.4.5": "a"}, "does not take `b` of 0.1.4"),
        ("a, b", {"0.4.5": "a, b=1"}, "does not take all calls of 0.4.5"),
        ("b, a", {"0.4.5": "a, b"}, "takes the arguments of 0.4.5 in another order"),
        ("a, c=0, b=0", {"0.1.4": "a, b, c", "0.4.5": "a, c=0"}, ""),
        ("*given, **named", {"0.1.4": "a, b, c", "0.4.5": "a, c=0"}, ""),
        ("a, b", {"0.4.5": "a, *, b"}, ""),
        ("a, *given", {"0.4.5": "a, b"}, "does not take `b` of 0.4.5"),
    ],
    ids=["more general", "none of it", "no default", "order", "either form", "any", "by name alone", "not by name"],
)
def test_a_function_has_to_take_the_arguments_of_every_version(own: str, forms: dict[str, str], words: str) -> None:
    signatures = {versions: parse_arguments(text) for versions, text in forms.items()}
    assert refusal(Function.model_validate(function(own)), signatures) == words


@pytest.mark.parametrize(
    ("old", "new", "words"),
    [
        ("schema = 1", "schema = 2", "schema"),
        ('"0.4.5" = "input" }\n', '"newest" = "input" }\n', "newest"),
        ("input, eps=1e-06", "input eps", "invalid syntax"),
        ('"fp4_quant"]', '"fp5_quant"]', "not-here tells of fp5_quant, which is neither a family nor a name"),
        ('["elementwise"]', '["rmsnorm"]', "not-here tells nothing of elementwise"),
        ("fp4_quant = {", "gelu = {", "it has gelu twice"),
        ("[families", "[famili", "famili"),
    ],
    ids=["schema", "version", "arguments", "unknown", "no reason", "twice", "key"],
)
def test_wrong_names_are_refused(old: str, new: str, words: str, tmp_path: Path) -> None:
    path = tmp_path / "names.toml"
    text = NAMES.replace(old, new)
    path.write_text(text.replace('"fp4_quant"]', "]") if "twice" in words else text, encoding="utf-8")
    with pytest.raises(PagesError, match="names.toml cannot be read") as caught:
        read_names(path)
    assert words in str(caught.value)


def test_names_that_are_missing_are_a_sentence(tmp_path: Path) -> None:
    with pytest.raises(PagesError, match="No such file"):
        read_names(tmp_path / "names.toml")


def test_the_page_of_the_project_has_every_name_and_every_operator_of_that_name(project: Path, matrix: Matrix) -> None:
    """What a wheel adds, tests/wheel hold: which of them work."""
    page = (project / "docs/switching_from_sgl_kernel.md").read_text(encoding="utf-8")
    names = {each.name for each in read_names(project / "docs/sgl_kernel.toml")}
    rows = re.findall(r"^\| \[?`(\w+)`(?:\]\(operators/(\w+)\.md\))? \| [\d., ]+ \| (?:works|differs: )", page, re.M)
    missing = [name for told in re.findall(r"^Not here \(.*\): (.*)\.$", page, re.M) for name in told.split(", ")]
    assert sorted([*(name for name, _ in rows), *(name.strip("`") for name in missing)]) == sorted(names)
    own = {name for name, operator in rows if name == operator}
    assert own == names & matrix.operators.keys(), "run `nox -s operator-pages -- WHEEL`"
    assert HEAD in page
