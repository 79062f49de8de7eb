"""What a page of another site can do to ours in a real browser: nothing."""

import http.server
import threading
from collections.abc import Iterator
from typing import TYPE_CHECKING

import pytest

from tests.browser.conftest import PATIENCE_MS, Served

if TYPE_CHECKING:
    from playwright.sync_api import Browser

pytestmark = pytest.mark.browser

SCRIPT = """async (own) => {
  const answer = (start) => new Promise((told) => start(told));
  const socket = await answer((told) => {
    const wire = new WebSocket(own.replace("http", "ws") + "/_stcore/stream", ["streamlit"]);
    wire.onopen = () => told("open");
    wire.onerror = () => told("refused");
  });
  const read = await fetch(own + "/_stcore/health").then((reply) => reply.text(), () => "refused");
  const upload = {method: "PUT", body: "x"};
  const sent = await fetch(own + "/_stcore/upload_file/a/b", upload).then((reply) => reply.status, () => "refused");
  const blind = await fetch(own + "/_stcore/health", {mode: "no-cors"}).then(() => "answered", () => "refused");
  const script = await answer((told) => {
    const element = Object.assign(document.createElement("script"), {src: own + "/static/x.js"});
    element.onload = () => told("run");
    element.onerror = () => told("refused");
    document.head.append(element);
  });
  const frame = document.body.appendChild(Object.assign(document.createElement("iframe"), {src: own}));
  await answer((told) => { frame.onload = told; });
  return {socket, read, sent, blind, script, frames: frames.length};
}"""


@pytest.fixture
def other_site() -> Iterator[str]:
    """A page at another port of localhost."""

    class Page(http.server.BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(200)
            self.send_header("Content-Type", "text/html")
            self.end_headers()
            self.wfile.write(b"<!doctype html><title>other</title><body></body>")

        def log_message(self, format: str, *arguments: object) -> None:
            pass

    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Page) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_address[1]}"
        server.shutdown()


def test_other_port_of_this_machine(browser: "Browser", served: Served, other_site: str) -> None:
    context = browser.new_context()
    try:
        page = context.new_page()
        page.set_default_timeout(PATIENCE_MS)
        page.goto(other_site)
        done = page.evaluate(SCRIPT, served.url)
        framed = page.frames[1]
        assert "vret" not in framed.url and framed.locator("[data-testid=stApp]").count() == 0
        refused = {"socket": "refused", "read": "refused", "sent": "refused", "blind": "refused", "script": "refused"}
        assert done == refused | {"frames": 1}
    finally:
        context.close()


def test_link_of_another_site_is_followed(browser: "Browser", served: Served, other_site: str) -> None:
    context = browser.new_context()
    try:
        page = context.new_page()
        page.set_default_timeout(PATIENCE_MS)
        page.goto(other_site)
        page.evaluate("(own) => { location.href = own; }", served.url)
        page.get_by_text("can be searched").wait_for()
    finally:
        context.close()
