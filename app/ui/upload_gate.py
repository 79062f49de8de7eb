"""Bounds what uploads hold in memory. Streamlit keeps every upload of a session there until the session is shut down, which for
one whose browser has gone may never be; the page needs an upload only until it has written it to disk."""

import asyncio
import re
import sys
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from starlette.types import ASGIApp, Message, Receive, Scope, Send
    from streamlit.runtime import Runtime
    from streamlit.runtime.memory_uploaded_file_manager import MemoryUploadedFileManager

MAX_UPLOAD_MB = 500
_AT_A_TIME = 2
_SILENT_S = 60.0  # an upload of which nothing comes for so long is given up, for it keeps others waiting
_UPLOAD = re.compile(r"/_stcore/upload_file/(?P<session>[^/]+)/(?P<file>[^/]+)/?")


class UploadGate:
    """Before Streamlit's own routes. Of a session the newest upload is kept, of all sessions together no more than one may have,
    and two are taken at a time; the others wait. With its connection a session's uploads go.
    """

    def __init__(self, app: "ASGIApp") -> None:
        self._app = app
        self._places = asyncio.Semaphore(_AT_A_TIME)

    async def __call__(self, scope: "Scope", receive: "Receive", send: "Send") -> None:
        if scope["type"] == "websocket":
            try:
                await self._until_the_browser_leaves(scope, receive, send)
            finally:
                drop_left_uploads()
            return
        upload = _UPLOAD.fullmatch(scope["path"]) if scope["type"] == "http" and scope["method"] == "PUT" else None
        if upload is None:
            await self._app(scope, receive, send)
            return
        async with self._places:
            _drop_uploads(upload["session"], but="")
            await self._take(scope, receive, send)
            _drop_uploads(upload["session"], but=upload["file"])
            drop_left_uploads()  # its browser may have gone while it was being taken

    async def _until_the_browser_leaves(self, scope: "Scope", receive: "Receive", send: "Send") -> None:
        """Streamlit takes what Starlette says of a closed connection for a wrong message, and fails; a browser that leaves while it
        is being sent something is nobody's fault."""
        is_closed = False

        async def sent(message: "Message") -> None:
            nonlocal is_closed
            is_closed = is_closed or message["type"] == "websocket.close"
            try:
                await send(message)
            except OSError:
                is_closed = True
                raise

        try:
            await self._app(scope, receive, sent)
        except RuntimeError:
            if not is_closed:
                raise

    async def _take(self, scope: "Scope", receive: "Receive", send: "Send") -> None:
        from starlette.requests import ClientDisconnect

        async def awaited() -> "Message":
            try:
                return await asyncio.wait_for(receive(), _SILENT_S)
            except TimeoutError:
                return {"type": "http.disconnect"}

        try:
            await self._app(scope, awaited, send)
        except ClientDisconnect:  # given up half-way, which is nobody's fault
            return
        except OSError as error:  # its bytes are kept in a temporary file while they come
            print(f"vret: an upload failed: {error.strerror or error}", file=sys.stderr, flush=True)


def drop_left_uploads() -> None:
    """Frees the uploads of sessions whose browser has gone."""
    runtime, kept = _runtime()
    for session in list(kept.file_storage):
        if not runtime.is_active_session(session):
            kept.remove_session_files(session)


def _drop_uploads(session: str, *, but: str) -> None:
    """Frees a session's uploads but one, and the oldest of other sessions while all together are more than one may be."""
    _, kept = _runtime()
    for file in list(kept.file_storage.get(session, {})):
        if file != but:
            kept.remove_file(session, file)
    sizes = {name: sum(len(file.data) for file in files.values()) for name, files in list(kept.file_storage.items())}
    for other in [name for name in sizes if name != session]:
        if sum(sizes.values()) <= MAX_UPLOAD_MB * 1024 * 1024:
            break
        kept.remove_session_files(other)
        del sizes[other]


def _runtime() -> "tuple[Runtime, MemoryUploadedFileManager]":
    from streamlit.runtime import get_instance

    runtime = get_instance()
    return runtime, runtime.uploaded_file_mgr  # type: ignore[return-value]  # it is this one wherever Streamlit is served
