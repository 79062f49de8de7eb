"""The use cases of vret and their faces: the command line and the page. Everything heavy is imported where it is needed."""

import os

# As in `embedder`, which says why. Set here, not by importing that: with `python -m app` the current folder is still first on
# the module path here, and a file named embedder.py may lie there.
os.environ["ORT_DISABLE_TELEMETRY"] = "1"
