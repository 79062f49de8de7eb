"""Starts the browser page: `vret ui` becomes the process that serves it, so that the page ends with it, however it ends."""

import errno
import os
import subprocess
import sys
from collections.abc import Collection
from importlib.util import find_spec
from typing import NoReturn

from app.errors import AppError, MissingPart
from app.page_guard import allowed_hosts, is_local
from app.ui.serve_page import listening_socket


def page_command(address: str, port: int, hosts: Collection[str] = ()) -> list[str]:
    """The command that serves the page. Raises MissingPart without Streamlit, AppError for what is no host's name."""
    if find_spec("streamlit") is None:
        raise MissingPart("The page needs Streamlit. In the folder of vret: pip install '.[cpu]' -c constraints.txt")
    names = [word for host in allowed_hosts(address, hosts) for word in ("--host", host)]
    # -P: what lies in the folder where this was started must not be taken for Streamlit, or for a part of vret.
    return [sys.executable, "-P", "-m", "app.ui.serve_page", "--address", address, "--port", str(port), *names]


def check_page(address: str, port: int, hosts: Collection[str] = ()) -> None:
    """Whether the page can be served, before anything is promised. Raises MissingPart, AppError where nobody can listen."""
    page_command(address, port, hosts)
    try:
        listening_socket(address, port).close()
    except OSError as error:
        raise AppError(_cannot_listen(address, port, error)) from error


def open_to_others(address: str) -> str | None:
    """What to say where the page can be reached from other machines; None where it cannot."""
    if is_local(address):
        return None
    return (
        f"WARNING: the page listens on {address}, and there is no sign-in: whoever reaches this machine can watch every video, "
        "index any folder and remove libraries. Let only those reach it who may, or use --address 127.0.0.1."
    )


def serve_page(address: str, port: int, hosts: Collection[str] = ()) -> NoReturn:
    """Serves the page until it is stopped, and does not come back. Raises MissingPart, AppError; see `check_page`."""
    command = page_command(address, port, hosts)
    sys.stdout.flush()
    sys.stderr.flush()
    if os.name == "nt":  # there a process cannot become another one
        sys.exit(subprocess.call(command))
    os.execv(command[0], command)


def _cannot_listen(address: str, port: int, error: OSError) -> str:
    if error.errno == errno.EADDRINUSE:
        return f"Port {port} of {address} is taken, perhaps by a page that runs already. Choose another with --port."
    if error.errno == errno.EACCES:
        return f"This user may not listen on port {port} of {address}. Choose one from 1024 on with --port."
    return f"Cannot listen on {address}: {error.strerror}. Choose an address of this machine with --address, such as 127.0.0.1."
