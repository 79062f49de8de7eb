"""`python -P -m app.ui.serve_page`: the process that serves the page. `vret ui` becomes it, see `page_server.py`."""

import argparse
import os
import signal
import socket
import sys
import threading
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path
from types import FrameType
from typing import TYPE_CHECKING, Any, NoReturn

from app.commands.streams import safe_streams

if TYPE_CHECKING:
    import uvicorn

_UI = Path(__file__).parent
_CONFIG = _UI / ".streamlit" / "config.toml"
_ENDS_WITHIN_S = 10.0


def main(arguments: Sequence[str] | None = None) -> int:
    """Serves the page until SIGINT or SIGTERM. Returns the exit code."""
    signal.signal(signal.SIGTERM, _stop)
    parser = argparse.ArgumentParser(prog="vret ui")
    parser.add_argument("--address", required=True)
    parser.add_argument("--port", type=int, required=True)
    parser.add_argument("--host", action="append", default=[], help="a name under which the page may be asked for")
    given = parser.parse_args(arguments)
    with safe_streams(), suppress(KeyboardInterrupt):  # asked to end, which is how a page's service ends well
        _serve(given.address, given.port, given.host)
    return 0


def listening_socket(address: str, port: int) -> socket.socket:
    """A bound socket; "::" takes IPv4 as well. Raises OSError."""
    family = socket.AF_INET6 if ":" in address else socket.AF_INET
    listener = socket.socket(family, socket.SOCK_STREAM)
    try:
        if os.name != "nt":  # there it would let two pages share a port
            listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        if family == socket.AF_INET6:
            listener.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 0)
        listener.bind((address, port))
    except OSError:
        listener.close()
        raise
    return listener


def _serve(address: str, port: int, hosts: Sequence[str]) -> None:
    import uvicorn

    from app.page_guard import Guard
    from app.ui.upload_gate import UploadGate

    page = UploadGate(_streamlit_app(address, port, hosts))
    config = uvicorn.Config(
        Guard(page, hosts),
        log_level="warning",
        access_log=False,
        server_header=False,
        proxy_headers=False,
        ws="websockets-sansio",
        ws_max_size=32 * 1024 * 1024,  # a browser's messages are small; uploads come by HTTP
        ws_per_message_deflate=False,
        timeout_graceful_shutdown=5,
    )
    _server_class()(config).run(sockets=[listening_socket(address, port)])


def _streamlit_app(address: str, port: int, hosts: Sequence[str]) -> Any:
    """The page, as Streamlit makes it of its script, with no settings but our own."""
    import streamlit as st
    from streamlit import config, net_util
    from streamlit.web import bootstrap

    from app.page_guard import is_local
    from app.ui.upload_gate import MAX_UPLOAD_MB

    # Of the folder where this was started, and of the user's other pages, neither settings nor secrets count.
    config.get_config_files = lambda file_name: [str(_CONFIG)] if file_name == _CONFIG.name else []
    # It would ask checkip.amazonaws.com for this machine's address, to compare an Origin with. The guard compares.
    net_util.get_external_ip = lambda: None
    net_util.get_internal_ip = lambda: None
    options = {
        "server.address": address,
        "server.port": port,
        "server.headless": True,
        "server.fileWatcherType": "none",
        "server.runOnSave": False,
        "server.allowRunOnSave": False,
        "server.baseUrlPath": "",
        "server.enableCORS": True,  # in Streamlit's words: other origins are kept out
        "server.enableXsrfProtection": True,
        "server.xsrfCookieSameSite": "strict",
        # Streamlit does not know the addresses of a machine that is reached from others; the guard in front of it does.
        "server.allowedHosts": list(hosts) if is_local(address) else ["*"],
        "server.enableStaticServing": False,
        "server.enableAgentApi": False,
        "server.scriptHealthCheckEnabled": False,
        "server.maxUploadSize": MAX_UPLOAD_MB,
        "browser.gatherUsageStats": False,
        "browser.serverAddress": "localhost",
        "client.allowedOrigins": [],  # nobody may put the page into a frame and send it messages
        "global.developmentMode": False,
        "logger.hideWelcomeMessage": True,
    }
    config._main_script_path = str(_UI / "main_page.py")
    bootstrap.load_config_options(options)
    return st.App(_UI / "main_page.py")


def _server_class() -> "type[uvicorn.Server]":
    import uvicorn

    class Server(uvicorn.Server):
        """One that ends, whatever is under way: a decoder may hang, an upload may stand still."""

        def handle_exit(self, sig: int, frame: FrameType | None) -> None:
            super().handle_exit(sig, frame)
            end = threading.Timer(_ENDS_WITHIN_S, os._exit, (0,))
            end.daemon = True
            end.start()

    return Server


def _stop(number: int, frame: FrameType | None) -> NoReturn:
    raise KeyboardInterrupt


if __name__ == "__main__":
    sys.exit(main())
