"""The Libraries page in a real browser: a folder is added and indexed to the end, faults and odd names are shown as they are."""

import shutil
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from app.run_lock import run_lock
from tests.browser.conftest import Served, choose
from tests.helpers.make_video import draw_moving_picture
from tests.helpers.patience import PATIENCE_S

if TYPE_CHECKING:
    from playwright.sync_api import Page

pytestmark = pytest.mark.browser

ODD_NAMES = ("<b>tag & amp;.mp4", "a%20b.mp4", 'it\'s "quoted".mp4', "*bold* `code` $x$ :red[no].mp4", "\N{CLAPPER BOARD} clip.mp4")


def add_folder(page: "Page", served: Served, folder: Path, library: str) -> None:
    page.goto(f"{served.url}/libraries")
    page.get_by_role("button", name="Add a folder").click()
    page.get_by_role("textbox", name="Folder of videos").fill(str(folder))
    page.get_by_role("textbox", name="Library").fill(library)
    page.get_by_role("button", name="Start indexing").click()


def test_folder_is_added_and_indexed(page: "Page", served: Served, tmp_path: Path) -> None:
    from playwright.sync_api import expect

    folder = tmp_path / "mixed"
    for seed, name in enumerate(ODD_NAMES):
        draw_moving_picture(folder / name, seed=100 + seed)
    (folder / "text.mp4").write_text("no video at all")
    (folder / "empty.mp4").touch()
    add_folder(page, served, folder, "odd <i>names</i>")

    page.get_by_text("is indexed: 5 added, 1 broken, 1 not videos").wait_for()
    card = page.locator("[class*='st-key-library-']", has_text="odd <i>names</i>")
    expect(card).to_contain_text("5 videos")
    expect(card).to_contain_text("1 broken")
    table = page.locator("[data-testid=stDataFrame] table")
    for name in (*ODD_NAMES, "text.mp4", "is a text file, not a video", "the file is empty"):
        expect(table).to_contain_text(name)

    # In the hits, too, a name is text, and makes no element.
    page.get_by_role("link", name="Search").click()
    page.get_by_role("radio", name="From a library").click()
    page.get_by_role("combobox", name="Library").wait_for()
    choose(page, "Library", "odd <i>names</i>")
    choose(page, "Video", "<b>tag")
    page.get_by_text("s chosen").wait_for()
    choose(page, "Search in", "odd <i>names</i>")
    page.get_by_role("button", name="Find similar moments").click()
    page.locator(".st-key-hit-1").wait_for()
    expect(page.locator(".st-key-query-bar .vret-name")).to_have_text(ODD_NAMES[0])
    page.locator("[class*='st-key-hit-'] video").nth(3).wait_for()
    for name in ODD_NAMES[1:]:
        expect(page.locator(".vret-hit .vret-name", has_text=name)).to_have_count(1)
    assert page.locator("b", has_text="tag").count() == 0
    assert page.locator("i", has_text="names").count() == 0


def test_folder_that_is_not_there(page: "Page", served: Served, tmp_path: Path) -> None:
    add_folder(page, served, tmp_path / "no such", "nothing")
    page.get_by_text(f"There is no folder {tmp_path / 'no such'}.").wait_for()


def test_failed_run_says_why(page: "Page", served: Served) -> None:
    page.goto(f"{served.url}/libraries")
    with run_lock(served.home):
        page.get_by_role("button", name="Update").first.click()
        page.get_by_text("Another run is at work").wait_for()


@contextmanager
def run_elsewhere(home: Path) -> Iterator[subprocess.Popen[str]]:
    """A process that has entered an indexing job and says how far it is, as `vret index` does, but never comes to its end."""
    code = (
        "import sys, time\n"
        "from app.settings import Settings\n"
        "from app.workspace import Workspace\n"
        "from pathlib import Path\n"
        "ws = Workspace(Settings.at(Path(sys.argv[1])))\n"
        "job = ws.catalog.start_job('index', 'far away')\n"
        "ws.catalog.update_job(job, {'phase': 'embedding', 'done': 30, 'total': 120, 'clips': 600, 'clips_per_s': 47.3,"
        " 'broken': 2, 'seconds_left': 95.0, 'current': '/videos/<u>now</u>.mp4', 'counts': {}})\n"
        "print('ready', flush=True)\n"
        "time.sleep(3600)\n"
    )
    with subprocess.Popen([sys.executable, "-c", code, str(home)], stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "ready\n"
        try:
            yield process
        finally:
            process.kill()


def test_progress_survives_a_reload_and_can_be_stopped(page: "Page", served: Served) -> None:
    from playwright.sync_api import expect

    with run_elsewhere(served.home) as process:
        page.goto(f"{served.url}/libraries")
        for _ in range(2):
            panel = page.locator(".st-key-run-panel")
            panel.get_by_text("30 of 120 videos").wait_for()
            for part in ("Indexing far away", "47 clips/s", "1:35 left", "2 broken so far", "/videos/<u>now</u>.mp4"):
                expect(panel).to_contain_text(part)
            page.reload()
        page.locator(".st-key-run-panel").get_by_role("button", name="Stop").click()
        process.wait(timeout=PATIENCE_S)
        page.locator(".st-key-run-panel").wait_for(state="detached")


def test_update_finds_new_files(page: "Page", served: Served, tmp_path: Path) -> None:
    folder = tmp_path / "growing"
    draw_moving_picture(folder / "one.mp4", seed=200)
    add_folder(page, served, folder, "growing")
    page.get_by_text("growing is indexed: 1 added").wait_for()
    draw_moving_picture(folder / "two.mp4", seed=201)
    shutil.copy(folder / "one.mp4", folder / "three.mp4")
    card = page.locator("[class*='st-key-library-']", has_text="growing")
    card.get_by_role("button", name="Update").click()
    page.get_by_text("growing is indexed: 1 added, 1 unchanged, 1 copied").wait_for()
    card.filter(has_text="3 videos").wait_for()


def test_about_tells_what_runs(page: "Page", served: Served) -> None:
    from playwright.sync_api import expect

    page.goto(f"{served.url}/about")
    page.get_by_role("button", name="Look again").wait_for()
    for part in (str(served.home), "CPUExecutionProvider", "tiny, in use", "48 numbers each"):
        expect(page.locator("[data-testid=stMain]")).to_contain_text(part)
