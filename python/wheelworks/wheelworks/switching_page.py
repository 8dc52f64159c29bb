"""docs/switching_from_sgl_kernel.md: which names of sgl_kernel work here, which differ, and which are missing."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from wheelworks.operator_export import Export
from wheelworks.operator_pages import NOTE, markdown_table
from wheelworks.sgl_names import Name
from wheelworks.switching import Verdict, judge, modules

HEAD = """\
# Switching from sgl_kernel

Import this package by the other's name, and keep the calls:

```python
import warpwright as sgl_kernel                    # in place of: import sgl_kernel
from warpwright import rmsnorm                     # in place of: from sgl_kernel import rmsnorm
from warpwright.gemm import int8_scaled_mm         # in place of: from sgl_kernel.gemm import int8_scaled_mm
```

A name that works takes the arguments of sgl_kernel 0.1.4 and of 0.4.5, in their order and by their names: where the two
differ, calls in either form. Names and arguments that came and went between them are those of 0.3.21.

## What is different everywhere

- One wheel serves every torch from 2.10 on and every Python from 3.10 on. `python -m warpwright` tells whether it can
  run on a machine, and if not, why.
- What cannot be right is refused with a `RuntimeError` that names the argument, what was found and what was expected:
  a dtype, a shape, a stride, a device, memory that overlaps. The words are the same on a GPU, on the CPU and under
  `torch.compile`. What each operator refuses stands in its page.
- Tensors on the CPU are taken: a reference in plain torch runs, with or without a GPU.
- Tensors without elements are taken.
- The same call gives the same bits in every run, but for what it draws by chance. Calls can be captured in CUDA graphs,
  and the host does not wait for the GPU; the page of an operator says so where it does.
- Weights may be Parameters. No operator has a backward: a `backward` through one ends in an error that names it.
- The operators are in `torch.ops.warpwright`, with schemas of their own; nothing is put into `torch.ops.sgl_kernel`.
"""

MODULES = """\
## Modules

A name that is here is in the package itself, unless its row says where else, and in these modules. "Names" counts those
that can be imported from a module, of those that sgl_kernel has in it.
"""


def render_switching(names: Sequence[Name], export: Export) -> str:
    """Return the page."""
    verdicts = judge(names, export)
    families = dict.fromkeys(each.name.family for each in verdicts)
    parts = [f"{NOTE}\n\n{HEAD}", f"{MODULES}\n{_modules(verdicts, export)}", f"## Names\n\n{_count(verdicts)}"]
    parts += [f"### {family}\n\n{_family([v for v in verdicts if v.name.family == family])}" for family in families]
    return "\n\n".join(part.strip() for part in parts) + "\n"


def _count(verdicts: Sequence[Verdict]) -> str:
    works = sum(each.works for each in verdicts)
    missing = sum(each.function is None for each in verdicts)
    differ = len(verdicts) - works - missing
    return (
        f"Of {len(verdicts)} names, {works} work, {differ} work with a difference, and {missing} are not here. Names "
        "that\nend in `_cpu`, and those of builds for other machines than NVIDIA's, are not counted."
    )


def _modules(verdicts: Sequence[Verdict], export: Export) -> str:
    rows = [
        (f"`sgl_kernel.{module}`", f"`{place}`" if place else "not here", f"{here} of {known}")
        for module, place, here, known in modules(verdicts, export)
    ]
    return markdown_table(("module", "here", "names"), rows)


def _family(verdicts: Sequence[Verdict]) -> str:
    rows = sorted((_linked(each), each.name.versions, _how(each)) for each in verdicts if each.function)
    parts = [markdown_table(("name", "of", "here"), rows)] if rows else []
    parts += list(_missing([each.name for each in verdicts if not each.function]))
    return "\n\n".join(parts)


def _missing(names: Sequence[Name]) -> Iterator[str]:
    for why in dict.fromkeys(name.why for name in names):
        told = ", ".join(f"`{name.name}`" for name in names if name.why == why)
        yield f"Not here ({why}): {told}."


def _linked(verdict: Verdict) -> str:
    operator = verdict.function and verdict.function.operator
    return f"[`{verdict.name.name}`](operators/{operator}.md)" if operator else f"`{verdict.name.name}`"


def _how(verdict: Verdict) -> str:
    """Return the verdict in words, with where the name is, if not in the package itself."""
    places = verdict.function.modules if verdict.function else ()
    where = "" if "warpwright" in places else f", as `{places[0]}.{verdict.name.name}`"
    return f"differs: {verdict.differs}{where}" if verdict.differs else f"works{where}"
