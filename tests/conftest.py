"""Before any test module: ONNX Runtime reads its switch for telemetry when it is imported, and tests import it too."""

import embedder  # noqa: F401
