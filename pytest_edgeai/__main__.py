"""``python -m pytest_edgeai``."""

import sys

from pytest_edgeai.cli import main

if __name__ == "__main__":
    sys.exit(main())
