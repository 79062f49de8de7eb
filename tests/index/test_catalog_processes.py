"""Jobs in the catalog, and several threads and processes at it at once, on every database it supports."""

import os
import subprocess
import sys
import threading

import pytest

from index.catalog import Catalog
from tests.helpers.catalog_rows import put


def test_job_lives_through_its_states(filled: Catalog) -> None:
    job_id = filled.start_job("index", "films", {"done": 0})
    filled.update_job(job_id, {"done": 3, "total": 9, "file": "\udcff.mp4"})
    running = filled.jobs()[0]
    assert (running.state, running.pid, running.progress["done"]) == ("running", os.getpid(), 3)

    filled.finish_job(job_id, "failed", {"done": 4}, message="disk full")

    done = filled.job(job_id)
    assert done is not None
    assert (done.state, done.message, done.progress) == ("failed", "disk full", {"done": 4})
    assert done.finished_at is not None
    with pytest.raises(ValueError, match="done, failed, stopped"):
        filled.finish_job(job_id, "running")
    assert filled.job(99) is None


def test_job_of_a_killed_process_is_interrupted(filled: Catalog, catalog_url: str) -> None:
    code = f"""
import os, signal
from index.catalog import Catalog
Catalog.open({catalog_url!r}).start_job("index", "films")
os.kill(os.getpid(), signal.SIGKILL)
"""
    assert subprocess.run([sys.executable, "-c", code]).returncode == -9

    assert [job.state for job in filled.jobs()] == ["interrupted"]


def test_two_threads_write_and_nothing_is_lost(filled: Catalog) -> None:
    errors: list[BaseException] = []

    def write(name: str) -> None:
        try:
            for number in range(15):
                put(filled, f"/films/{name}{number}.mp4", f"{name}{number}")
        except BaseException as error:
            errors.append(error)
            raise

    threads = [threading.Thread(target=write, args=(name,)) for name in "ab"]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert errors == []
    assert len(filled.videos()) == 30
    assert filled.revision == 30


def test_three_processes_create_the_catalog_at_once(new_catalog_url: str) -> None:
    code = f"""
from index.catalog import Catalog
with Catalog.open({new_catalog_url!r}) as catalog:
    catalog.add_library("films", [])
"""
    processes = [subprocess.Popen([sys.executable, "-c", code], stderr=subprocess.PIPE) for _ in range(3)]

    assert [(process.communicate()[1], process.returncode) for process in processes] == [(b"", 0)] * 3
    with Catalog.open(new_catalog_url) as catalog:
        assert [library.name for library in catalog.libraries()] == ["films"]
