"""The k largest of each row, also of parts of rows, as sparse attention selects tokens.

FlashInfer has a function of this name, and so the package may be called: ``warpwright.top_k(x, k)`` is
``warpwright.top_k.top_k(x, k)``. Torch.compile traces no call of a module and breaks its graph there: what is compiled
whole imports the function, ``from warpwright.top_k import top_k``.
"""

from warpwright._rooms import open_family

open_family(__name__)
