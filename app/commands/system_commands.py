"""`vret doctor`, `vret ui`, `vret demo`."""

from collections.abc import Collection
from dataclasses import asdict
from pathlib import Path
from typing import Annotated, NoReturn

import typer

from app.commands import given
from app.commands.index_command import ProgressBar, print_report
from app.commands.options import JsonOption
from app.commands.output import one_line, print_json, say, talk

_AddressOption = Annotated[str | None, typer.Option(help="Where to listen. Default: VRET_UI_ADDRESS, else 127.0.0.1.")]
_PortOption = Annotated[int | None, typer.Option(min=1, max=65535, help="Default: VRET_UI_PORT, else 8501.")]
_HostOption = Annotated[
    list[str] | None,
    typer.Option(
        "--allow-host",
        metavar="NAME",
        help="Another host name under which people open the page, such as a proxy's. localhost and the --address are always "
        "allowed. Repeatable. Default: VRET_UI_HOSTS, separated by commas.",
    ),
]


def doctor(as_json: JsonOption = False) -> None:
    """Tell what is installed, which providers really run, where data lives, what is wrong and the command that mends it.

    Exit code 1 when something is wrong.

    Example: vret doctor
    """
    from app.doctor import examine
    from app.workspace import Workspace

    with Workspace() as ws:
        findings = []
        for finding in examine(ws):
            findings.append(finding)
            if not as_json:
                say(f"{finding.level:<6}{finding.subject}: {one_line(finding.detail)}")
                if finding.mend:
                    say(f"      mend it: {one_line(finding.mend)}")
    if as_json:
        print_json([asdict(finding) for finding in findings])
    if any(finding.level == "wrong" for finding in findings):
        raise typer.Exit(1)


def ui(address: _AddressOption = None, port: _PortOption = None, allow_host: _HostOption = None) -> None:
    """Serve the browser page until Ctrl-C.

    Only browsers on this machine can open it. With another --address other machines can too; there is no sign-in yet.

    Example: vret ui --port 8600
    """
    from app.settings import Settings

    settings = Settings.from_environment()
    _serve(address or settings.ui_address, port or settings.ui_port, allow_host or settings.ui_hosts)


def demo(
    videos: Annotated[
        Path | None,
        typer.Option(parser=given.path, metavar="PATH", help="A folder of your videos. Without it, sample videos are drawn."),
    ] = None,
    address: _AddressOption = None,
    port: _PortOption = None,
    allow_host: _HostOption = None,
    page: Annotated[bool, typer.Option("--page/--no-page", help="Serve the page at the end.")] = True,
) -> None:
    """Make a library to try vret with, index it and serve the page.

    Example: vret demo --videos ~/Videos
    """
    from app.demo import demo_library
    from app.settings import Settings
    from app.workspace import Workspace

    settings = Settings.from_environment()
    address, port = address or settings.ui_address, port or settings.ui_port
    hosts = allow_host or settings.ui_hosts
    if page:
        from app.page_server import check_page

        check_page(address, port, hosts)  # before minutes of drawing and indexing
    if videos is None:
        talk("Drawing sample videos (moving shapes, nobody's footage); give your own with --videos FOLDER.")
    with Workspace(settings) as ws, ProgressBar() as bar:
        report = demo_library(ws, videos, on_event=bar.show)
    print_report(report)
    if report.stopped:
        raise typer.Exit(130)
    if page:
        _serve(address, port, hosts)


def _serve(address: str, port: int, hosts: Collection[str]) -> NoReturn:
    from app.page_server import check_page, open_to_others, serve_page

    check_page(address, port, hosts)
    shown = "127.0.0.1" if address in ("0.0.0.0", "::") else f"[{address}]" if ":" in address else address
    warning = open_to_others(address)
    if warning is not None:
        talk(warning)
    talk(f"The page: http://{shown}:{port} (Ctrl-C ends it)")
    serve_page(address, port, hosts)
