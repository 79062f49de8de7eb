"""The gate before Streamlit's routes: what becomes of a connection whose browser leaves at a bad moment."""

import asyncio
import contextlib
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING

import pytest

from app.ui.upload_gate import UploadGate

if TYPE_CHECKING:
    from starlette.types import Message, Receive, Scope, Send


@pytest.mark.parametrize("has_left", [True, False])
def test_a_browser_that_leaves_while_it_is_answered_is_no_failure(has_left: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    """As Streamlit does: one task sends, and once that has failed, Starlette tells the one that receives of a closed connection."""
    dropped: list[bool] = []
    monkeypatch.setattr("app.ui.upload_gate.drop_left_uploads", lambda: dropped.append(True))

    async def page(scope: "Scope", receive: "Receive", send: "Send") -> None:
        with contextlib.suppress(OSError):
            await send({"type": "websocket.send", "bytes": b"a picture"})
        raise RuntimeError('WebSocket is not connected. Need to call "accept" first.')

    async def send(message: "Message") -> None:
        if has_left:
            raise BrokenPipeError

    async def receive() -> "Message":
        return {"type": "websocket.connect"}

    connection = UploadGate(page)({"type": "websocket"}, receive, send)
    with ThreadPoolExecutor(1) as pool:  # the browser of other tests may have its event loop in this thread
        failure = pool.submit(asyncio.run, connection).exception()
    assert isinstance(failure, RuntimeError) is not has_left
    assert dropped == [True]
