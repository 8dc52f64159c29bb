"""The compatibility table: one file, installed and tested on every tested Python and torch.

``model`` has the types, ``plan`` says which cells there are, ``cell`` makes one, ``symbols`` stands in where none can
be made, ``run`` and ``prove`` go through them, ``table`` shows them, and ``accepted`` keeps the one that the
README's is made from.
"""

from wheelworks.compat.accepted import read_accepted_table, write_accepted_table
from wheelworks.compat.cell import Setting, try_cell
from wheelworks.compat.model import Cell, Compat, StandIn, Verdict
from wheelworks.compat.plan import Slot, plan_slots
from wheelworks.compat.prove import prove_wheel, read_subject
from wheelworks.compat.run import kept_cells, make_table, require_tables
from wheelworks.compat.symbols import Static
from wheelworks.compat.table import render_table, short, unproved_notes

__all__ = [
    "Cell",
    "Compat",
    "Setting",
    "Slot",
    "StandIn",
    "Static",
    "Verdict",
    "kept_cells",
    "make_table",
    "plan_slots",
    "prove_wheel",
    "read_accepted_table",
    "read_subject",
    "render_table",
    "require_tables",
    "short",
    "try_cell",
    "unproved_notes",
    "write_accepted_table",
]
