"""Starts the browser page as a process of its own."""

import errno
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


def check_page(address: str, port: int) -> None:
    """Whether the page can be served, before anything is promised. Raises MissingPart, AppError where nobody can listen."""
    page_command(address, port)
    family = socket.AF_INET6 if ":" in address else socket.AF_INET
    with socket.socket(family, socket.SOCK_STREAM) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((address, port))
        except OSError as error:
            raise AppError(_cannot_listen(address, port, error)) from error


def serve_page(address: str, port: int) -> int:
    """Serves the page until it is stopped; returns the exit code. Raises MissingPart. `check_page` tells what else may fail."""
    process = subprocess.Popen(page_command(address, port))
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


def _cannot_listen(address: str, port: int, error: OSError) -> str:
    if error.errno == errno.EADDRINUSE:
        return f"Port {port} of {address} is taken, perhaps by a page that runs already. Choose another with --port."
    if error.errno == errno.EACCES:
        return f"This user may not listen on port {port} of {address}. Choose one from 1024 on with --port."
    return f"Cannot listen on {address}: {error.strerror}. Choose an address of this machine with --address, such as 127.0.0.1."
