"""No other web site can drive the page, whatever lies where it is started, and it ends with its command."""

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.helpers.patience import PATIENCE_S
from tests.helpers.served_page import ServedPage, answers, free_port, served_page

PATHS = (
    "/",
    "/_stcore/health",
    "/_stcore/host-config",
    "/_stcore/metrics",
    "/media/x.png",
    "/component/x/index.html",
    "/static/x.js",
)
SETTINGS = """
[server]
enableCORS = false
enableXsrfProtection = false
allowedHosts = ["*"]
corsAllowedOrigins = ["http://evil.example"]
enableAgentApi = true
enableStaticServing = true
baseUrlPath = "elsewhere"
maxUploadSize = 100000
[client]
allowedOrigins = ["http://evil.example"]
[global]
developmentMode = true
[theme]
base = "https://evil.example/theme.toml"
"""


@pytest.fixture(scope="module")
def page(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ServedPage]:
    with served_page(tmp_path_factory.mktemp("page") / "home") as page:
        yield page


@pytest.mark.parametrize("path", PATHS)
def test_other_hosts_and_origins_are_refused_everywhere(page: ServedPage, path: str) -> None:
    assert page.ask(path, Host=f"evil.example:{page.port}")[0] == 403
    for origin in ("http://evil.example", "http://localhost:9999", "http://127.0.0.1", "null", f"http://{page.host}.evil.example"):
        for method in ("GET", "PUT", "POST", "DELETE", "OPTIONS"):
            assert page.ask(path, method, Origin=origin)[0] == 403, (method, origin)
    status, headers, _ = page.ask(path, Origin=f"http://{page.host}")
    assert status != 403
    assert (headers["x-frame-options"], headers["x-content-type-options"]) == ("DENY", "nosniff")
    assert "frame-ancestors 'none'" in headers["content-security-policy"]
    assert not [name for name in headers if name.startswith("access-control")]


def test_websocket_is_for_the_page_itself(page: ServedPage) -> None:
    own = f"http://{page.host}"
    assert page.upgrade(Origin=own) == 101
    assert page.upgrade(Host=f"evil.example:{page.port}", Origin=f"http://evil.example:{page.port}") == 403, "DNS rebinding"
    for origin in (
        "http://evil.example",
        "http://localhost:9999",
        f"http://localhost:{page.port}",
        "null",
        "",
        " ",
        "file://",
        own + "/",
    ):
        if origin.strip():
            assert page.upgrade(Origin=origin) == 403, origin
    assert page.upgrade(Host="evil.example") == 403, "also without an Origin"
    assert page.upgrade() == 101, "a program that is no browser sends no Origin"


@pytest.mark.parametrize(
    "host",
    [
        "127.0.0.1",
        "localhost:{}",
        "LOCALHOST:{}",
        "localhost.:{}",
        "[::1]:{}",
        "[0:0:0:0:0:0:0:1]",
        "[::ffff:127.0.0.1]:{}",
        "localhost:80",
    ],
)
def test_hosts_of_this_machine(page: ServedPage, host: str) -> None:
    host = host.format(page.port)
    assert page.ask("/_stcore/health", Host=host)[0] == 200
    assert page.upgrade(Host=host, Origin=f"http://{host}") == 101


@pytest.mark.parametrize(
    "host",
    [
        "", "evil.example", "localhost.evil.example", "127.0.0.1.nip.io", "127.0.0.1@evil.example", "localhost:8501:9",
        "localhost:x", "localhost/", "[::1", "::1", "[::2]", "0.0.0.0", "10.0.0.1", "2130706433", "127.1", "*", "local_host", "..",
    ],
)  # fmt: skip
def test_hosts_that_are_not_this_machine(page: ServedPage, host: str) -> None:
    assert page.ask("/_stcore/health", Host=host)[0] in (400, 403)


def test_pictures_and_frames_of_other_sites(page: ServedPage) -> None:
    def opened(**fetch: str) -> int:
        return page.ask("/", **{f"Sec_Fetch_{name.capitalize()}": text for name, text in fetch.items()})[0]

    assert opened(site="none", mode="navigate", dest="document") == 200
    assert opened(site="cross-site", mode="navigate", dest="document") == 200, "a link that is followed"
    assert opened(site="same-origin", mode="cors", dest="empty") == 200
    for site in ("cross-site", "same-site"):
        assert opened(site=site, mode="navigate", dest="iframe") == 403
        assert opened(site=site, mode="no-cors", dest="image") == 403
        assert opened(site=site, mode="no-cors", dest="script") == 403


def test_what_lies_where_it_is_started_does_not_count(tmp_path: Path) -> None:
    here, user = tmp_path / "here", tmp_path / "user"
    ran = tmp_path / "ran"
    for folder in (here, user):
        (folder / ".streamlit").mkdir(parents=True)
        (folder / ".streamlit" / "config.toml").write_text(SETTINGS)
        (folder / ".streamlit" / "secrets.toml").write_text('[auth]\ncookie_secret = "known"\n')
    for name in ("streamlit", "uvicorn", "starlette", "typer", "platformdirs", "argparse", "index", "embedder"):
        (here / f"{name}.py").write_text(f"open({str(ran)!r}, 'a').write({name!r})\n")
    loose = {"STREAMLIT_SERVER_ENABLE_CORS": "false", "STREAMLIT_SERVER_ALLOWED_HOSTS": "*", "STREAMLIT_SERVER_PORT": "1"}
    with served_page(tmp_path / "home", cwd=here, environment=loose | {"HOME": str(user)}) as page:
        assert page.ask("/_stcore/health")[0] == 200, "not below another path"
        assert page.upgrade(Host="evil.example", Origin="http://evil.example") == 403
        assert page.upgrade(Origin="http://evil.example") == 403
        assert (
            page.ask("/_stcore/agent/openapi.json")[0] != 200 or '"enabled":true' not in page.ask("/_stcore/agent/openapi.json")[2]
        )
        assert json.loads(page.ask("/_stcore/host-config")[2])["allowedOrigins"] == []
        assert "access-control-allow-origin" not in page.ask("/_stcore/health")[1]
    assert not ran.exists(), ran.read_text()


def test_every_process_below_vret_leaves_the_current_folder_out(monkeypatch: pytest.MonkeyPatch) -> None:
    """Also those that are started in ways of their own, such as the spawned workers of a training."""
    from app.main import main

    monkeypatch.setattr(sys, "argv", ["vret", "--version"])
    monkeypatch.delenv("PYTHONSAFEPATH", raising=False)
    with pytest.raises(SystemExit):
        main()
    child = subprocess.run([sys.executable, "-c", "import sys; print(sys.path[0] == '')"], capture_output=True, check=True)
    assert child.stdout.strip() == b"False"


def test_page_for_others_says_so_and_asks_nobody_outside(tmp_path: Path) -> None:
    asked = tmp_path / "asked"
    watched = tmp_path / "watched"
    watched.mkdir()
    (watched / "sitecustomize.py").write_text(
        "import sys\n"
        "def heard(event, arguments):\n"
        "    if event in ('socket.connect', 'socket.sendto', 'socket.getaddrinfo', 'socket.gethostbyname'):\n"
        f"        open({str(asked)!r}, 'a').write(f'{{event}} {{arguments}}\\n')\n"
        "sys.addaudithook(heard)\n"
    )
    with served_page(
        tmp_path / "home", "--allow-host", "Vret.Example.", address="0.0.0.0", environment={"PYTHONPATH": str(watched)}
    ) as page:
        assert page.ask("/_stcore/health")[0] == 200
        assert page.ask("/_stcore/health", Host="vret.example")[0] == 200
        assert page.upgrade(Host="vret.example", Origin="https://vret.example") == 101, "by a proxy that speaks https"
        assert page.upgrade(Origin="http://evil.example") == 403
        assert page.upgrade(Host="evil.example", Origin="http://evil.example") == 403
        assert page.upgrade(Host="localhost", Origin="http://LOCALHOST") == 101
        assert page.upgrade(Host="0.0.0.0") == 403
        said = page.log.read_text()
    assert "WARNING" in said and "no sign-in" in said
    assert not asked.exists(), asked.read_text()


def test_page_for_this_machine_warns_of_nothing(page: ServedPage) -> None:
    assert "WARNING" not in page.log.read_text()


def test_refusal_says_what_to_do(page: ServedPage) -> None:
    status, _, body = page.ask("/", Host="nas.home:80")
    assert status == 403
    assert "--allow-host nas.home" in body
    assert "--allow-host nas.home" in page.log.read_text()


def test_refusal_whose_telling_nobody_reads_is_a_refusal(tmp_path: Path) -> None:
    """As under `vret ui 2>&1 | head -1`."""
    port = free_port()
    command = [sys.executable, "-m", "app", "ui", "--port", str(port)]
    environment = os.environ | {"VRET_HOME": str(tmp_path / "home")}
    process = subprocess.Popen(command, env=environment, stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
    try:
        assert process.stdout is not None
        assert b"The page: " in process.stdout.readline()
        process.stdout.close()
        page = ServedPage(process, port, tmp_path / "none.log")
        while not answers(port):
            assert process.poll() is None
            time.sleep(0.2)
        assert page.ask("/", Host="nas.home:80")[0] == 403
        assert page.upgrade(Host="nas.home:80") == 403
        assert page.ask("/", Host="localhost")[0] == 200
    finally:
        process.terminate()
        process.wait(timeout=60)


def test_killed_page_leaves_the_port(tmp_path: Path) -> None:
    with served_page(tmp_path / "home") as page:
        page.process.kill()
        assert page.process.wait(timeout=PATIENCE_S) == -signal.SIGKILL
        deadline = time.monotonic() + PATIENCE_S
        while answers(page.port) and time.monotonic() < deadline:
            time.sleep(0.1)
        assert not answers(page.port)


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_page_that_is_asked_to_end_ends_well(tmp_path: Path, number: signal.Signals) -> None:
    with served_page(tmp_path / "home") as page:
        page.process.send_signal(number)
        assert page.process.wait(timeout=PATIENCE_S) == 0
        assert "Traceback" not in page.log.read_text()


@pytest.mark.parametrize("name", ["http://x", "x:1", "*", "*.example.com", "a b", ""])
def test_host_that_is_none_is_refused_before_anything_is_served(home: Path, name: str) -> None:
    command = [sys.executable, "-m", "app", "ui", "--allow-host", name]
    done = subprocess.run(command, capture_output=True, text=True, timeout=PATIENCE_S)
    assert done.returncode == 2
    assert f"A host is a name or an address alone, such as vret.example.com or 192.168.1.5, got {name!r}." in done.stderr
