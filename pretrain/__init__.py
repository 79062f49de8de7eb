"""Backbones, pretext tasks, training and export. The only home of torch."""

import os

import embedder as _embedder  # noqa: F401 - first of all: it switches ONNX Runtime's telemetry off

os.environ["HF_HUB_DISABLE_TELEMETRY"] = "1"  # Accelerate brings the client of a model hub along
