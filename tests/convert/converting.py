"""Converts in a process of its own: ``python converting.py CACHE FOLDER SOURCE [VARIANT]``.

Prints what the tally of the conversions says, or the errors.
"""

from __future__ import annotations

import signal
import sys
from pathlib import Path

from asking import HERE

from pytest_edgeai.convert.cache import ModelCache
from pytest_edgeai.convert.converter import Converter
from pytest_edgeai.errors import EdgeAIError
from pytest_edgeai.model.source import resolve


def main(cache: str, folder: str, source: str, *variants: str) -> None:
    Path(folder).mkdir(exist_ok=True)
    converter = Converter(ModelCache(Path(cache)), Path(folder))
    found = resolve(source, [HERE])
    done = converter.convert(found, variants or ["converted"], None)  # type: ignore[arg-type]
    for error in done.values():
        if isinstance(error, EdgeAIError):
            print(error)
    print(converter.tally)


if __name__ == "__main__":
    signal.signal(signal.SIGINT, signal.default_int_handler)  # a background job ignores it
    main(*sys.argv[1:])
