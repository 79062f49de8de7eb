"""Video file in, unit vectors out.

ONNX Runtime notes down what is done with it (models, sessions, this host) and sends it to its maker, from the moment that it is
imported. That is switched off here, before any module of ours can import it, and for the processes that we start. `pretrain`
imports this package first for that reason; `app` sets it itself.
"""

import os

os.environ["ORT_DISABLE_TELEMETRY"] = "1"
