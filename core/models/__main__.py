"""`python -m core.models`: look into model files from the shell, and add, list and delete one's own models."""

import sys

from core.incoming.command import main

if __name__ == "__main__":
    sys.exit(main())
