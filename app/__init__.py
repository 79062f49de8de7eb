"""The use cases of vret and their faces: the command line and the page. Everything heavy is imported where it is needed."""

import embedder as _embedder  # noqa: F401 - first of all: it switches ONNX Runtime's telemetry off
