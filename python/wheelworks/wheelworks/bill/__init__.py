"""The bill of materials of a wheel's device code: what each operator has for each SM, read from the finished binary.

``model`` has the types, ``reader`` fills them from a wheel, ``growth`` holds a bill against the last accepted one, and
``table`` and ``picture`` show it. A kernel is joined to its operator by the name of its unit, which the build writes
into the device code (csrc/cmake/warpwright_add_kernel.cmake): the binary itself says whose it is.
"""

from wheelworks.bill.growth import AcceptedBill, Growth, accepted_path, find_growth, read_accepted, write_accepted
from wheelworks.bill.model import Bill, BillProof, Cell, Kernel, Row, sum_rows
from wheelworks.bill.picture import draw_bill
from wheelworks.bill.reader import BILL, parse_bill, read_bill, write_bill
from wheelworks.bill.table import render_bill, render_kernels

__all__ = [
    "BILL",
    "AcceptedBill",
    "Bill",
    "BillProof",
    "Cell",
    "Growth",
    "Kernel",
    "Row",
    "accepted_path",
    "draw_bill",
    "find_growth",
    "parse_bill",
    "read_accepted",
    "read_bill",
    "render_bill",
    "render_kernels",
    "sum_rows",
    "write_accepted",
    "write_bill",
]
