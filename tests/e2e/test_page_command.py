"""The page comes up by the very command of docker-compose.yml, as a plain process."""

import os
import subprocess
import sys
import time
import urllib.error
import urllib.request
from pathlib import Path

import yaml

from tests.helpers.patience import PATIENCE_S
from tests.helpers.served_page import free_port

ROOT = Path(__file__).parents[2]


def answer(url: str) -> str | None:
    try:
        with urllib.request.urlopen(url, timeout=PATIENCE_S) as reply:
            return str(reply.read().decode())
    except (urllib.error.URLError, ConnectionError, TimeoutError):
        return None


def test_compose_command_serves_the_page(home: Path) -> None:
    page = yaml.safe_load((ROOT / "docker-compose.yml").read_text())["services"]["page"]
    port = free_port()
    # As in the container, but for what must not be the same here: the data folder, the port, and who may reach it.
    environment = page["environment"] | {"VRET_HOME": str(home), "VRET_UI_PORT": str(port), "VRET_UI_ADDRESS": "127.0.0.1"}
    environment["PATH"] = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
    process = subprocess.Popen(page["command"], env=os.environ | environment, stderr=subprocess.PIPE, stdout=subprocess.DEVNULL)
    try:
        deadline = time.monotonic() + PATIENCE_S
        while (health := answer(f"http://127.0.0.1:{port}/_stcore/health")) is None and time.monotonic() < deadline:
            assert process.poll() is None, process.stderr and process.stderr.read().decode()
            time.sleep(0.2)
        assert health == "ok"
        assert "<title>" in (answer(f"http://127.0.0.1:{port}/") or "")
    finally:
        process.terminate()
        process.communicate(timeout=PATIENCE_S)
    assert process.returncode == 0
    assert answer(f"http://127.0.0.1:{port}/_stcore/health") is None, "the page outlived its command"
