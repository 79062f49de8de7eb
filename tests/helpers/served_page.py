"""A page served by `vret ui` as a process, and requests to it whose every header is chosen."""

import http.client
import os
import socket
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

from tests.helpers.patience import PATIENCE_S

ROOT = Path(__file__).parents[2]


@dataclass(frozen=True)
class ServedPage:
    process: subprocess.Popen[bytes]
    port: int
    log: Path

    @property
    def host(self) -> str:
        return f"127.0.0.1:{self.port}"

    def ask(self, path: str, method: str = "GET", body: bytes | None = None, **headers: str) -> tuple[int, dict[str, str], str]:
        """Status, headers with small letters and body. headers: `sec_fetch_site` is Sec-Fetch-Site."""
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=PATIENCE_S)
        sent = {"Host": self.host} | {name.replace("_", "-"): text for name, text in headers.items()}
        try:
            connection.putrequest(method, path, skip_host=True)
            for name, text in sent.items():
                if text:
                    connection.putheader(name, text)
            if body is not None:
                connection.putheader("Content-Length", str(len(body)))
            connection.endheaders(body)
            answer = connection.getresponse()
            return answer.status, {name.lower(): text for name, text in answer.getheaders()}, answer.read().decode()
        finally:
            connection.close()

    def upgrade(self, **headers: str) -> int:
        """The status with which a WebSocket is answered: 101 where it is opened."""
        status, _, _ = self.ask("/_stcore/stream", **_UPGRADE, **headers)
        return status


_UPGRADE = {
    "Connection": "Upgrade",
    "Upgrade": "websocket",
    "Sec-WebSocket-Version": "13",
    "Sec-WebSocket-Key": "dGhlIHNhbXBsZSBub25jZQ==",
}


@contextmanager
def served_page(
    home: Path, *arguments: str, address: str = "127.0.0.1", environment: Mapping[str, str] | None = None, cwd: Path | None = None
) -> Iterator[ServedPage]:
    """A page with its data in `home`, up and running. Its talk goes to a file beside it."""
    port = free_port()
    kept = {name: text for name, text in os.environ.items() if not name.startswith(("VRET_", "STREAMLIT_"))}
    paths = [str(ROOT), *filter(None, [(environment or {}).get("PYTHONPATH"), kept.get("PYTHONPATH")])]
    kept |= {"VRET_HOME": str(home)} | dict(environment or {}) | {"PYTHONPATH": os.pathsep.join(paths)}
    log = home.with_name(f"{home.name}-{port}.log")
    command: Sequence[str] = (sys.executable, "-m", "app", "ui", "--address", address, "--port", str(port), *arguments)
    with log.open("wb") as file:
        process = subprocess.Popen(command, env=kept, cwd=cwd, stdout=file, stderr=subprocess.STDOUT)
    try:
        deadline = time.monotonic() + PATIENCE_S
        while not answers(port):
            assert process.poll() is None and time.monotonic() < deadline, log.read_text()
            time.sleep(0.2)
        yield ServedPage(process, port, log)
    finally:
        process.terminate()
        process.wait(timeout=PATIENCE_S)


def answers(port: int) -> bool:
    """Whether anybody listens."""
    with suppress(OSError), socket.create_connection(("127.0.0.1", port), timeout=5):
        return True
    return False


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])
