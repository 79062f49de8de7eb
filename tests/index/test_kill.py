"""Killed at any moment, the catalog is whole: no clip lost, none doubled, and the vector index agrees with it again."""

import os
import random
import signal
import sqlite3
import subprocess
import sys
import time
from pathlib import Path

import numpy as np

from index.catalog import Catalog
from index.search import find_moments
from index.vectors.store import VectorStore
from tests.helpers.patience import PATIENCE_S
from tests.index.walk_videos import ROOT, Collection, embed, query, walk

ROUNDS = 8
REPOSITORY = Path(__file__).parents[2]
WRITER = """
import itertools, sys
from pathlib import Path
from index.vectors import store as vector_store
from index.catalog import Catalog
from index.vectors.store import VectorStore
from tests.index.walk_videos import Collection, walk
vector_store._SAVE_FROM_CLIPS = 20  # writes files all the time
catalog = Catalog.open(sys.argv[1])
collection = Collection.new(catalog)
store = VectorStore(catalog, Path(sys.argv[2]))
print("ready", flush=True)
for number in itertools.count(int(sys.argv[3])):
    video_id = collection.add(f"{number}.mp4", walk(number), 20.0)
    if number % 5 == 0:
        catalog.mark_missing([video_id]); catalog.mark_present([video_id])
    collection.add(f"{number - 1}.mp4", walk(number - 1), 20.0)
    store.open(collection.encoder_id)
    print(number, flush=True)
"""


def start_writer(url: str, vectors: Path, first: int) -> "subprocess.Popen[str]":
    command = [sys.executable, "-c", WRITER, url, str(vectors), str(first)]
    return subprocess.Popen(command, stdout=subprocess.PIPE, text=True, cwd=REPOSITORY)


def reported(process: "subprocess.Popen[str]") -> list[int]:
    """Numbers of the videos that the writer said were stored."""
    assert process.stdout is not None
    numbers = [int(line) for line in process.stdout.read().split() if line.isdigit()]
    process.stdout.close()
    return numbers


def test_kill_at_random_moments(tmp_path: Path) -> None:
    url, vectors = f"sqlite:///{tmp_path / 'catalog.db'}", tmp_path / "vectors"
    rng = random.Random(7)
    told: set[int] = set()
    for turn in range(ROUNDS):
        writer = start_writer(url, vectors, 1 + turn * 1000)
        assert writer.stdout is not None
        assert writer.stdout.readline() == "ready\n"
        if turn == 0:  # however busy the machine is, one video at least is told of
            told.add(int(writer.stdout.readline()))
        time.sleep(rng.uniform(0.0, 0.6))
        os.kill(writer.pid, signal.SIGKILL)
        told.update(reported(writer))
        writer.wait()

        with Catalog.open(url) as catalog:
            check(catalog, tmp_path, told, kills=turn + 1)


def test_kill_while_the_catalog_is_made(tmp_path: Path) -> None:
    rng = random.Random(3)
    for turn in range(4):
        url = f"sqlite:///{tmp_path / f'{turn}.db'}"
        writer = start_writer(url, tmp_path / f"vectors{turn}", 1)
        deadline = time.monotonic() + PATIENCE_S
        while not (tmp_path / f"{turn}.db").exists() and time.monotonic() < deadline:
            time.sleep(0.001)
        time.sleep(rng.uniform(0.0, 0.1))
        os.kill(writer.pid, signal.SIGKILL)
        reported(writer)
        writer.wait()

        with Catalog.open(url) as catalog:
            Collection.new(catalog).add("1.mp4", walk(1), 20.0)
            assert len(catalog.videos()) == 1


def check(catalog: Catalog, tmp_path: Path, told: set[int], *, kills: int) -> None:
    """kills: so far. Each may have come while a video was marked missing, and no later writer knows of that one."""
    connection = sqlite3.connect(tmp_path / "catalog.db")
    assert connection.execute("PRAGMA integrity_check").fetchone() == ("ok",)
    assert connection.execute("PRAGMA foreign_key_check").fetchall() == []
    connection.close()
    videos = catalog.videos()
    numbers = [int(video.path.stem) for video in videos]
    assert len(set(numbers)) == len(numbers)
    assert told <= set(numbers)
    encoder_id = catalog.encoders()[0].id
    total = 0
    for video, number in zip(videos, numbers, strict=True):
        clips = catalog.clips(video.id, encoder_id)
        np.testing.assert_allclose(clips.vectors, embed(walk(number), clips.spans_s), atol=2e-3)
        total += len(clips)

    index = VectorStore(catalog, tmp_path / "vectors").open(encoder_id)

    present = [video.id for video in videos if video.outcome == "indexed"]
    assert len(videos) - len(present) <= kills
    ids = index.search(embed(walk(1), np.array([[0.0, 2.0]])), total + 10)[1][0]
    found = ids[ids >= 0]
    assert len(found) == len(set(found.tolist())) == len(index)
    assert sorted({int(clip) >> 20 for clip in found}) == sorted(present)
    assert len(index) == sum(video.num_clips for video in videos if video.outcome == "indexed")
    if present:
        newest = max(number for video, number in zip(videos, numbers, strict=True) if video.outcome == "indexed")
        best = find_moments(catalog, index, encoder_id, query(walk(newest), 4.3, 8.3), k=1)[0]
        assert best.path == ROOT / f"{newest}.mp4"


def test_two_readers_beside_a_writer_always_see_whole_states(tmp_path: Path) -> None:
    url, vectors = f"sqlite:///{tmp_path / 'catalog.db'}", tmp_path / "vectors"
    with Catalog.open(url) as catalog:
        collection = Collection.new(catalog)
        collection.add("0.mp4", walk(0), 20.0)
        per_video = len(catalog.clips(1, collection.encoder_id))
    writer = start_writer(url, vectors, 1)
    assert writer.stdout is not None
    assert writer.stdout.readline() == "ready\n"
    assert writer.stdout.readline() == "1\n", "the readers must have something to read beside"
    reader = """
import sys
from pathlib import Path
from index.catalog import Catalog
from index.search import find_moments
from index.vectors.store import VectorStore
from tests.index.walk_videos import query, walk
catalog = Catalog.open(sys.argv[1])
store = VectorStore(catalog, Path(sys.argv[2]))
last = 0
for turn in range(12):
    if turn % 3 == 0:
        store = VectorStore(catalog, Path(sys.argv[2]))  # as a new process: from the file
    index = store.open(1)
    assert len(index) % int(sys.argv[3]) == 0, len(index)
    assert index.revision >= last
    last = index.revision
    assert find_moments(catalog, index, 1, query(walk(0), 4.3, 8.3), k=1)[0].path.name == "0.mp4"
"""
    command = [sys.executable, "-W", "error", "-c", reader, url, str(vectors), str(per_video)]
    readers = [subprocess.Popen(command, stderr=subprocess.PIPE, text=True, cwd=REPOSITORY) for _ in range(2)]
    try:
        for process in readers:
            errors = process.communicate(timeout=PATIENCE_S)[1]
            assert (process.returncode, errors) == (0, "")
        assert writer.poll() is None, "the writer fell over"
    finally:
        writer.kill()
        reported(writer)
        writer.wait()
