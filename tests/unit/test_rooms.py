"""What knows an operator, and what is missing, is read from the sources alone: no compiler, no torch."""

from __future__ import annotations

import ast
from pathlib import Path

import pytest

from wheelworks.gaps import find_gaps
from wheelworks.matrix import Matrix
from wheelworks.rooms import Project

FILES = {
    "csrc/kernels.cmake": "# rows\nwarpwright_add_kernel(copy norm/copy.cu 75 80)\n",
    "csrc/norm/copy.cpp": 'void copy(Tensor out);\n\nWARPWRIGHT_OPERATOR(copy, "(Tensor! out) -> ()");\n',
    "csrc/norm/shared.cpp": "void shared();\n",
    "csrc/torch/checks.cpp": "void check();\n",
    "include/warpwright/norm/copy.h": "",
    "python/warpwright/norm/__init__.py": '"""Norms."""\n',
    "python/warpwright/norm/_shared.py": "",
    "python/warpwright/norm/copy.py": "CONTRACT = 1\n",
    "python/warpwright/doctor/look.py": "",
    "python/warpwright/fused/__init__.py": "",
    "docs/operators/copy.md": "",
}
PROMISED = {"copy": ("75", "80")}


class Tree:
    """A project of one operator, to be changed."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.promised: dict[str, tuple[str, ...]] = dict(PROMISED)
        for name, text in FILES.items():
            self.write(name, text)

    def write(self, name: str, text: str) -> None:
        path = self.folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")

    def remove(self, name: str) -> None:
        path = self.folder / name
        path.unlink()
        while not list(path.parent.iterdir()):
            path = path.parent
            path.rmdir()

    def gaps(self) -> list[str]:
        return [str(gap) for gap in find_gaps(Project(self.folder, self.promised, ("norm", "fused")))]


@pytest.fixture
def tree(tmp_path: Path) -> Tree:
    return Tree(tmp_path)


def test_an_operator_with_its_whole_room_lacks_nothing(tree: Tree) -> None:
    assert tree.gaps() == []


def test_a_promise_alone_lacks_all_the_rest(tree: Tree) -> None:
    tree.promised["extra"] = ("75",)
    assert tree.gaps() == [
        "csrc/FAMILY/extra.cpp: add the file of extra; it is known to matrix.toml",
        "csrc/kernels.cmake: add a row warpwright_add_kernel(extra ...), or name it behind ALSO in the row "
        "that it shares; it is known to matrix.toml",
        "docs/operators/extra.md: write the page of extra by `nox -s operator-pages -- WHEEL`; "
        "it is known to matrix.toml",
        "python/warpwright/FAMILY/extra.py: add the file of extra; it is known to matrix.toml",
    ]


def test_a_unit_alone_lacks_all_the_rest(tree: Tree) -> None:
    tree.write("csrc/kernels.cmake", FILES["csrc/kernels.cmake"] + "warpwright_add_kernel(extra_sm90a norm/e.cu 90a)\n")
    assert tree.gaps() == [
        "csrc/norm/extra.cpp: add the file of extra; it is known to csrc/kernels.cmake",
        "docs/operators/extra.md: write the page of extra by `nox -s operator-pages -- WHEEL`; "
        "it is known to csrc/kernels.cmake",
        "matrix.toml: add a row `extra` to [operators]; it is known to csrc/kernels.cmake",
        "python/warpwright/norm/extra.py: add the file of extra; it is known to csrc/kernels.cmake",
    ]


def test_a_module_alone_lacks_all_the_rest(tree: Tree) -> None:
    tree.write("python/warpwright/norm/extra.py", "CONTRACT: int = 1\n")
    assert [gap.partition(":")[0] for gap in tree.gaps()] == [
        "csrc/kernels.cmake",
        "csrc/norm/extra.cpp",
        "docs/operators/extra.md",
        "matrix.toml",
    ]


def test_a_wrapper_alone_lacks_all_the_rest(tree: Tree) -> None:
    tree.write("csrc/norm/extra.cpp", 'WARPWRIGHT_OPERATOR(extra, "() -> ()");\n')
    assert [gap.partition(":")[0] for gap in tree.gaps()] == [
        "csrc/kernels.cmake",
        "docs/operators/extra.md",
        "matrix.toml",
        "python/warpwright/norm/extra.py",
    ]


def test_a_page_without_an_operator_is_one_too_many(tree: Tree) -> None:
    tree.write("docs/operators/extra.md", "")
    assert tree.gaps() == ["docs/operators/extra.md: no operator is named extra: remove the page, or add the operator"]


@pytest.mark.parametrize(
    ("name", "gap"),
    [
        (
            "docs/operators/copy.md",
            "docs/operators/copy.md: write the page of copy by `nox -s operator-pages -- WHEEL`; it is known to "
            "csrc/kernels.cmake, csrc/norm/copy.cpp, matrix.toml, python/warpwright/norm/copy.py",
        ),
        (
            "csrc/norm/copy.cpp",
            "csrc/norm/copy.cpp: add the file of copy; it is known to "
            "csrc/kernels.cmake, docs/operators/copy.md, matrix.toml, python/warpwright/norm/copy.py",
        ),
        (
            "python/warpwright/norm/copy.py",
            "python/warpwright/norm/copy.py: add the file of copy; it is known to "
            "csrc/kernels.cmake, csrc/norm/copy.cpp, docs/operators/copy.md, matrix.toml",
        ),
        (
            "include/warpwright/norm/copy.h",
            "include/warpwright/norm: add the folder of the family norm; there is csrc/norm, python/warpwright/norm",
        ),
    ],
    ids=["page", "wrapper", "module", "headers"],
)
def test_a_file_that_is_gone_is_named(name: str, gap: str, tree: Tree) -> None:
    tree.remove(name)
    assert tree.gaps() == [gap]


def test_a_wrapper_without_its_registration_is_named(tree: Tree) -> None:
    tree.write("csrc/norm/copy.cpp", '// WARPWRIGHT_OPERATOR(copy, "")\n')
    assert "csrc/norm/copy.cpp: end with WARPWRIGHT_OPERATOR(copy, ...)" in tree.gaps()


def test_a_wrapper_that_registers_another_operator_is_named(tree: Tree) -> None:
    tree.write("csrc/norm/shared.cpp", FILES["csrc/norm/copy.cpp"])
    assert "csrc/norm/shared.cpp: registers copy: move that to copy.cpp" in tree.gaps()


@pytest.mark.parametrize(
    "text", ["", "CONTRACTS = 1\n", "def make():\n    CONTRACT = 1\n"], ids=["none", "other", "inner"]
)
def test_a_module_without_its_contract_is_named(text: str, tree: Tree) -> None:
    tree.write("python/warpwright/norm/copy.py", text)
    assert tree.gaps() == ["python/warpwright/norm/copy.py: assign its CONTRACT, or begin the name with _"]


def test_an_operator_of_two_families_is_named(tree: Tree) -> None:
    tree.remove("python/warpwright/norm/copy.py")
    tree.write("python/warpwright/fused/copy.py", "CONTRACT = 1\n")
    found = tree.gaps()
    assert any(gap.endswith(": copy is of one family: move it to one") for gap in found)
    assert "csrc/fused: add the folder of the family fused; there is python/warpwright/fused" in found


def test_a_family_that_the_matrix_does_not_have_is_named(tree: Tree) -> None:
    tree.write("csrc/other/extra.cpp", 'WARPWRIGHT_OPERATOR(extra, "() -> ()");\n')
    assert "matrix.toml: add 'other' to families, or move csrc/other/extra.cpp to one of them" in tree.gaps()


def test_a_promise_without_a_unit_is_named(tree: Tree) -> None:
    tree.promised["copy"] = ("75", "80", "90a")
    assert tree.gaps() == ["csrc/kernels.cmake: add a unit of copy for SM 90a, as matrix.toml promises"]


def test_a_unit_without_a_promise_is_named(tree: Tree) -> None:
    tree.promised["copy"] = ("80",)
    assert tree.gaps() == ["matrix.toml: promise copy for SM 75, which its units serve"]


def test_the_sms_of_several_units_count_together(tree: Tree) -> None:
    rows = "warpwright_add_kernel(copy_sm75 norm/a.cu 75)\nwarpwright_add_kernel(copy_sm80 norm/b.cu 80 USES cutlass)\n"
    tree.write("csrc/kernels.cmake", rows)
    assert tree.gaps() == []


SHARED = "warpwright_add_kernel(copy\n  norm/copy.cu 75 80\n  ALSO extra more USES cutlass)\n"


def add_extra(tree: Tree, family: str = "norm") -> None:
    """Add all of an operator but its promise and its unit."""
    tree.write(f"csrc/{family}/extra.cpp", 'WARPWRIGHT_OPERATOR(extra, "() -> ()");\n')
    tree.write(f"include/warpwright/{family}/extra.h", "")
    tree.write(f"python/warpwright/{family}/extra.py", "CONTRACT = 1\n")
    tree.write("docs/operators/extra.md", "")


@pytest.mark.parametrize("family", ["norm", "fused"])
def test_an_operator_that_shares_a_unit_has_a_unit_whatever_its_family(family: str, tree: Tree) -> None:
    add_extra(tree, family)
    tree.write("csrc/kernels.cmake", SHARED.replace(" more", ""))
    tree.promised["extra"] = PROMISED["copy"]
    assert tree.gaps() == []


def test_an_operator_that_another_units_row_alone_names_lacks_all_the_rest(tree: Tree) -> None:
    add_extra(tree)
    tree.write("csrc/kernels.cmake", SHARED)
    tree.promised["extra"] = PROMISED["copy"]
    places = ["csrc/FAMILY/more.cpp", "docs/operators/more.md", "matrix.toml", "python/warpwright/FAMILY/more.py"]
    assert [gap.partition(":")[0] for gap in tree.gaps()] == places


def test_the_sms_of_a_shared_unit_are_those_of_every_operator(tree: Tree) -> None:
    add_extra(tree)
    tree.write("csrc/kernels.cmake", SHARED.replace(" more", ""))
    tree.promised["extra"] = ("80", "90a")
    assert tree.gaps() == [
        "csrc/kernels.cmake: add a unit of extra for SM 90a, as matrix.toml promises",
        "matrix.toml: promise extra for SM 75, which its units serve",
    ]


def test_a_shared_unit_and_one_of_its_own_serve_an_operator_for_different_sms(tree: Tree) -> None:
    add_extra(tree)
    own = "warpwright_add_kernel(extra norm/extra.cu 90a)\n"
    tree.write("csrc/kernels.cmake", SHARED.replace(" more", "") + own)
    tree.promised["extra"] = ("75", "80", "90a")
    assert tree.gaps() == []
    tree.write("csrc/kernels.cmake", SHARED.replace(" more", "") + own.replace("90a", "80 90a"))
    assert tree.gaps() == ["csrc/kernels.cmake: extra is named twice for SM 80: take it from copy or from extra"]


def test_the_room_of_every_operator_is_whole(project: Path, matrix: Matrix) -> None:
    gaps = find_gaps(Project(project, matrix.operators, matrix.families))
    assert gaps == (), "\n".join(map(str, gaps))


def test_python_looks_for_operators_in_the_families_of_the_matrix(project: Path, matrix: Matrix) -> None:
    text = (project / "python" / "warpwright" / "_rooms.py").read_text(encoding="utf-8")
    (families,) = [
        ast.literal_eval(node.value)
        for node in ast.parse(text).body
        if isinstance(node, ast.Assign) and [getattr(target, "id", "") for target in node.targets] == ["FAMILIES"]
    ]
    assert families == matrix.families
