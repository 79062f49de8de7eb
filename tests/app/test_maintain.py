"""What is told of runs."""

from app.maintain import job_rows
from app.workspace import Workspace


def test_what_is_running_comes_first_however_much_was_started_since(ws: Workspace) -> None:
    long = ws.catalog.start_job("evaluate", None, {"done": 3, "total": 9})
    for _ in range(12):
        ws.catalog.finish_job(ws.catalog.start_job("evaluate", "home"))
    rows = job_rows(ws, limit=4)
    assert [(row["id"], row["state"], row["done"]) for row in rows[:1]] == [(long, "running", "3/9")]
    assert [row["id"] for row in rows[1:]] == [long + 12, long + 11, long + 10, long + 9]
