"""`python -m app ...` is `vret ...`; the page starts its indexing runs this way."""

import sys
from pathlib import Path

# Python puts the current folder first, where a file may be named as one of our libraries is. So `app/__init__.py`, which runs
# before this, imports nothing of ours.
if not sys.flags.safe_path and Path(sys.path[0]) != Path(__file__).parents[1]:
    del sys.path[0]

from app.main import main

if __name__ == "__main__":
    main()
