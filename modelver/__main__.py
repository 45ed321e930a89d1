"""``python -m modelver`` is the command line."""

import sys

from modelver._cli import main

if __name__ == "__main__":
    sys.exit(main())
