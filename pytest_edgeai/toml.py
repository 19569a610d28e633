"""``tomllib``, which came with Python 3.11, and before it ``tomli``, which it was made from."""

from __future__ import annotations

import sys

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib

__all__ = ["tomllib"]
