"""Starts the browser page as a process of its own."""

import socket
import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path

from app.errors import AppError, MissingPart

PAGE_SCRIPT = Path(__file__).parent / "ui" / "main_page.py"
_END_WITHIN_S = 10.0


def page_command(address: str, port: int) -> list[str]:
    """The command that serves the page. Raises MissingPart without Streamlit."""
    if find_spec("streamlit") is None:
        raise MissingPart("The page needs Streamlit. Install it with: pip install streamlit")
    return [
        *(sys.executable, "-m", "streamlit", "run", str(PAGE_SCRIPT)),
        *("--server.address", address),
        *("--server.port", str(port)),
        *("--server.headless", "true"),  # no question for an e-mail address, no browser opened on a server
        *("--browser.gatherUsageStats", "false"),
        *("--server.fileWatcherType", "none"),
    ]


def serve_page(address: str, port: int) -> int:
    """Serves the page until it is stopped; returns the exit code. Raises AppError when the port is taken, MissingPart."""
    command = page_command(address, port)
    _check_free(address, port)
    process = subprocess.Popen(command)
    try:
        return process.wait()
    except KeyboardInterrupt:  # asked to end, by Ctrl-C or SIGTERM, which is how a page's service ends well
        return 0
    finally:
        _end(process)


def _end(process: subprocess.Popen[bytes]) -> None:
    process.terminate()
    try:
        process.wait(timeout=_END_WITHIN_S)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()


def _check_free(address: str, port: int) -> None:
    family = socket.AF_INET6 if ":" in address else socket.AF_INET
    with socket.socket(family, socket.SOCK_STREAM) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((address, port))
        except OSError as error:
            raise AppError(f"Cannot listen on {address}:{port}: {error.strerror}. Choose another with --port.") from error
