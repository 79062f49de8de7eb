"""A stored run as files: its rows as CSV, all of it as JSON, and the report as one HTML file. Each is made when it is asked for."""

from collections.abc import Callable

import streamlit as st

from app.evaluation.run_view import RunView
from app.machine_text import csv_text, json_text
from app.ui import cached
from app.workspace import Workspace


def show_downloads(view: RunView) -> None:
    """Three buttons in a row."""
    ws = cached.workspace()
    name = f"vret-run-{view.id}"
    with st.container(horizontal=True, gap="small", key="downloads"):
        _button("Report", lambda: report(ws, view), f"{name}.html", "text/html", ":material/description:")
        _button("CSV", lambda: rows_csv(view), f"{name}.csv", "text/csv", ":material/table:")
        _button("JSON", lambda: run_json(ws, view.id), f"{name}.json", "application/json", ":material/data_object:")


def _button(label: str, make: Callable[[], bytes], file_name: str, mime: str, icon: str) -> None:
    st.download_button(label, make, file_name, mime, key=f"download-{file_name}", on_click="ignore", icon=icon)


def rows_csv(view: RunView) -> bytes:
    """The rows with every column that any of them has; what is unknown is empty."""
    columns = list(dict.fromkeys(name for row in view.flat_rows for name in row))
    return csv_text(columns, view.flat_rows).encode()


def run_json(ws: Workspace, run_id: int) -> bytes:
    """The whole run, as it is stored."""
    run = ws.catalog.evaluation_run(run_id)
    assert run is not None, "a run that is shown is stored, and none is ever deleted"
    whole = {"run": run.id, "kind": run.kind, "library": run.library, "created_at": run.created_at.isoformat()}
    return json_text(whole | {"settings": run.settings, "results": run.results}, indent=1).encode()


def report(ws: Workspace, view: RunView) -> bytes:
    """The report with plots and maps."""
    from app.evaluation.report_html import report_html
    from app.evaluation.video_maps import report_maps

    return report_html(view, report_maps(ws, view)).encode("utf-8")
