"""Uploads take no more memory than one of them, and go with their session."""

import http.client
import os
import socket
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from streamlit.proto.BackMsg_pb2 import BackMsg
from streamlit.proto.ClientState_pb2 import ClientState
from streamlit.proto.ForwardMsg_pb2 import ForwardMsg
from websockets.sync.client import connect
from websockets.typing import Origin, Subprotocol

from tests.helpers.patience import PATIENCE_S
from tests.helpers.served_page import ServedPage, served_page

MB = 1024 * 1024
UPLOAD_MB = 120


@contextmanager
def session(page: ServedPage) -> Iterator[str]:
    """The id of a browser session that is open, as the page's protocol has it."""
    own = Origin(f"http://{page.host}")
    with connect(f"ws://{page.host}/_stcore/stream", origin=own, subprotocols=[Subprotocol("streamlit")], max_size=None) as wire:
        wire.send(BackMsg(rerun_script=ClientState(query_string="")).SerializeToString())
        message = ForwardMsg()
        while not message.HasField("new_session"):
            message = ForwardMsg.FromString(wire.recv(timeout=PATIENCE_S, decode=False))
        yield message.new_session.initialize.session_id


def upload(page: ServedPage, session_id: str, name: str, size: int) -> int:
    """The status of an upload, which is sent in pieces."""
    cookie = page.ask("/_stcore/health")[1]["set-cookie"].partition(";")[0]
    head = b'--b\r\nContent-Disposition: form-data; name="f"; filename="f.mp4"\r\nContent-Type: video/mp4\r\n\r\n'
    tail = b"\r\n--b--\r\n"
    connection = http.client.HTTPConnection("127.0.0.1", page.port, timeout=PATIENCE_S)
    connection.putrequest("PUT", f"/_stcore/upload_file/{session_id}/{name}")
    connection.putheader("Origin", f"http://{page.host}")
    connection.putheader("Cookie", cookie)
    connection.putheader("X-Xsrftoken", cookie.partition("=")[2])
    connection.putheader("Content-Type", "multipart/form-data; boundary=b")
    connection.putheader("Content-Length", str(len(head) + size + len(tail)))
    connection.endheaders(head)
    try:
        for _ in range(size // MB):
            connection.send(bytes(MB))
        connection.send(tail)
    except (BrokenPipeError, ConnectionResetError):
        pass  # it is refused before all was sent
    try:
        return connection.getresponse().status
    except ConnectionResetError:
        return 413
    finally:
        connection.close()


def resident_mb(page: ServedPage) -> float:
    status = Path(f"/proc/{page.process.pid}/status").read_text()
    return int(status.partition("VmRSS:")[2].split()[0]) / 1024


@pytest.mark.skipif(sys.platform != "linux", reason="reads /proc")
def test_memory_of_uploads(tmp_path: Path) -> None:
    with served_page(tmp_path / "home") as page:
        with session(page) as one, session(page) as other:
            before = resident_mb(page)
            for number in range(4):
                assert upload(page, one, f"file-{number}", UPLOAD_MB * MB) == 204
            assert resident_mb(page) - before < 2 * UPLOAD_MB, "a session keeps its newest upload only"
            for number in range(6):
                assert upload(page, other if number % 2 else one, f"more-{number}", UPLOAD_MB * MB) == 204
            assert resident_mb(page) - before < 3.5 * UPLOAD_MB
        deadline = time.monotonic() + PATIENCE_S
        while resident_mb(page) - before > UPLOAD_MB / 2 and time.monotonic() < deadline:
            time.sleep(0.2)
        assert resident_mb(page) - before < UPLOAD_MB / 2, "nothing stays when the browsers have gone"


def test_upload_that_is_too_large_or_given_up(tmp_path: Path) -> None:
    with served_page(tmp_path / "home") as page, session(page) as one:
        assert upload(page, one, "large", 520 * MB) == 413
        assert upload(page, "no-session", "small", MB) == 400
        for _ in range(4):  # more than are taken at a time: each gives its place back
            with socket.create_connection(("127.0.0.1", page.port)) as given_up:
                given_up.sendall(
                    f"PUT /_stcore/upload_file/{one}/x HTTP/1.1\r\nHost: {page.host}\r\nContent-Length: 999\r\n"
                    "Content-Type: multipart/form-data; boundary=b\r\n\r\n--b".encode()
                )
        assert upload(page, one, "small", MB) == 204
        assert "Traceback" not in page.log.read_text()


def test_upload_without_room_for_it(tmp_path: Path) -> None:
    """Its bytes lie in a temporary file while they come; the folder for those is away."""
    temporary = tmp_path / "temporary"
    temporary.mkdir()
    with served_page(tmp_path / "home", environment={"TMPDIR": str(temporary)}) as page, session(page) as one:
        assert upload(page, one, "first", 2 * MB) == 204
        os.rmdir(temporary)
        assert upload(page, one, "second", 2 * MB) >= 500
        assert page.ask("/_stcore/health")[0] == 200
        said = page.log.read_text()
    assert "an upload failed" in said and "Traceback" not in said
