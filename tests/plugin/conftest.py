"""pytester forgets what an inner run imports; these are imported once, outside of it.

NumPy cannot be loaded twice in a process, Hypothesis takes a second (its pytest plugin imports it
at the end of every run), and the others a tenth of one.
"""

from __future__ import annotations

import importlib

for name in ("numpy", "execnet", "filelock", "hypothesis.core", "rich.console", "rich.table"):
    importlib.import_module(name)
