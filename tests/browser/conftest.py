"""The real page (`vret ui`) over a library of drawn videos, and a headless Chromium to look at it."""

import os
import shutil
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, NoReturn

import pytest

from pretrain.drawn_library import draw_library
from tests.helpers.patience import PATIENCE_S
from tests.helpers.served_page import free_port
from tests.helpers.tiny_encoder import write_tiny_encoder

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Locator, Page

# The machine may be busy with other things: a long patience costs nothing where all is well.
PATIENCE_MS = 1000 * PATIENCE_S

CHROMIUM_FLAGS = (
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
)


@dataclass(frozen=True)
class Served:
    """A page being served. videos: the folder of the library "drawn", which is indexed. home: the data folder."""

    url: str
    home: Path
    videos: Path


def absent(reason: str) -> NoReturn:
    """Ends the test: as failed where CI promises a browser, else as skipped."""
    if os.environ.get("CI") == "true":
        pytest.fail(reason)
    pytest.skip(reason)


@pytest.fixture(scope="session")
def browser() -> "Iterator[Browser]":
    try:
        from playwright.sync_api import expect, sync_playwright
    except ModuleNotFoundError:
        absent("Playwright is not installed: pip install 'vret[dev]'")
    names = ("chromium", "chromium-browser", "google-chrome")
    chromium = os.environ.get("VRET_CHROMIUM") or next(filter(None, map(shutil.which, names)), None)
    if chromium is None:
        absent("There is no Chromium: apt-get install chromium, or name one by VRET_CHROMIUM")
    expect.set_options(timeout=PATIENCE_MS)
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=chromium, headless=True, args=list(CHROMIUM_FLAGS))
        yield browser
        browser.close()


@pytest.fixture
def page(browser: "Browser") -> "Iterator[Page]":
    """A page of a browser session of its own. Fails a test whose page raised an error or asked anybody outside for anything."""
    context = browser.new_context(viewport={"width": 1280, "height": 800}, reduced_motion="no-preference")
    page = context.new_page()
    page.set_default_timeout(PATIENCE_MS)
    outside: list[str] = []
    errors: list[str] = []
    own = ("http://127.0.0.1", "ws://127.0.0.1", "data:", "blob:")
    page.on("request", lambda request: None if request.url.startswith(own) else outside.append(request.url))
    page.on("pageerror", lambda error: errors.append(str(error)))
    yield page
    context.close()
    assert not outside, f"the page asked outside: {outside}"
    assert not errors, f"the page raised: {errors}"


@pytest.fixture(scope="session")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    root = tmp_path_factory.mktemp("page")
    home, videos = root / "home", root / "drawn"
    write_tiny_encoder(home / "encoders" / "tiny.onnx")
    draw_library(videos, videos_per_shape=1, num_reels=2, acts_per_reel=4)
    environment = {name: text for name, text in os.environ.items() if not name.startswith("VRET_")}
    environment |= {"VRET_HOME": str(home), "VRET_ENCODER": "tiny"}
    subprocess.run([sys.executable, "-m", "app", "index", str(videos)], env=environment, check=True, capture_output=True)
    port = free_port()
    log = root / "page.log"
    with log.open("wb") as file:
        command = [sys.executable, "-m", "app", "ui", "--port", str(port)]
        process = subprocess.Popen(command, env=environment, stdout=file, stderr=subprocess.STDOUT)
    try:
        _wait_for(f"http://127.0.0.1:{port}", process, log)
        yield Served(f"http://127.0.0.1:{port}", home, videos)
    finally:
        process.terminate()
        process.wait(timeout=PATIENCE_S)
    assert "Traceback" not in log.read_text(), log.read_text()


def at_rest(page: "Page") -> None:
    """Waits until the page is not being redrawn."""
    page.locator("[data-testid=stApp][data-test-script-state=notRunning]").wait_for()


def choose(page: "Page", label: str, text: str) -> None:
    """Chooses in a select box the option that contains a text, once the page is not being redrawn (that closes the list)."""
    at_rest(page)
    page.get_by_role("combobox", name=label).fill(text)
    page.get_by_role("option", name=text).first.click()


def wait_until_it_plays(page: "Page", video: "Locator") -> None:
    """Waits until a video shows pictures and goes on by itself. It is looked up again and again: a page that is being redrawn may
    put another in its place, and the one before never plays."""
    plays = "all => all.map(v => v.readyState >= 2 && v.videoWidth > 0 && !v.paused ? [v.currentSrc, v.currentTime] : ['', 0])"
    deadline = time.monotonic() + PATIENCE_S
    before, before_s = "", 0.0
    while True:
        found = video.evaluate_all(plays)
        source, now_s = found[0] if len(found) == 1 else ("", 0.0)  # for a moment both are there
        if source and source == before and now_s > before_s > 0:
            return
        assert time.monotonic() < deadline, f"{video} does not play"
        before, before_s = source, now_s
        page.wait_for_timeout(100)


def _wait_for(url: str, process: subprocess.Popen[bytes], log: Path) -> None:
    deadline = time.monotonic() + PATIENCE_S
    while time.monotonic() < deadline:
        assert process.poll() is None, f"the page's server ended: {log.read_text()}"
        try:
            with urllib.request.urlopen(f"{url}/_stcore/health", timeout=PATIENCE_S):
                return
        except (urllib.error.URLError, ConnectionError, TimeoutError):
            time.sleep(0.2)
    pytest.fail(f"nothing answers at {url}: {log.read_text()}")
