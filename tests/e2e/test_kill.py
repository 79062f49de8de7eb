"""`kill -9` at random moments of `vret index`: what is done still searches, the next run does only the rest."""

import json
import random
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from app.find_similar import MomentQuery, find_similar
from app.settings import Settings
from app.workspace import Workspace
from tests.helpers.make_video import draw_moving_picture
from tests.helpers.patience import PATIENCE_S

NUM_VIDEOS = 30
KILLS = 6


def start_index(folder: Path) -> subprocess.Popen[str]:
    command = [sys.executable, "-m", "app", "index", str(folder), "--library", "home", "--json"]
    return subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)


def check_what_is_there(home: Path) -> dict[str, int]:
    """Opens the data folder as the next process will: every indexed video is whole and found. Returns path -> number of clips."""
    with Workspace(Settings.at(home)) as ws:
        videos = ws.catalog.videos("home") if ws.catalog.libraries() else []
        encoder_id = ws.encoder_id()
        vectors = ws.vectors(encoder_id)
        assert len(vectors) == sum(video.num_clips for video in videos)
        for video in videos:
            assert video.outcome == "indexed"
            assert len(ws.catalog.clips(video.id, encoder_id)) == video.num_clips > 0
            hit = find_similar(ws, MomentQuery(video_id=video.id, at_s=1.0), k=1).hits[0]
            assert (hit.video_id, hit.score) == (video.id, pytest.approx(1.0, abs=0.01))
        return {str(video.path): video.num_clips for video in videos}


def test_killed_at_random_moments(home: Path, tmp_path: Path) -> None:
    folder = tmp_path / "videos"
    for seed in range(NUM_VIDEOS):
        draw_moving_picture(folder / f"{seed:02d}.mp4", seed=seed, seconds=3.0)
    seed = random.SystemRandom().randrange(10**6)
    print(f"seed of the moments: {seed}")  # shown when the test fails
    moments = random.Random(seed)

    done: dict[str, int] = {}
    for turn in range(KILLS):
        process = start_index(folder)
        if turn % 2:  # however long a busy machine takes to start: half of the kills come when the embedding has begun
            assert process.stderr is not None
            process.stderr.readline()
        try:
            process.wait(timeout=moments.uniform(0.2, 2.5))
        except subprocess.TimeoutExpired:
            process.send_signal(signal.SIGKILL)
        process.communicate()
        now = check_what_is_there(home)
        assert {path: now.get(path) for path in done} == done, "a video that was done is lost or doubled"
        done = now

    process = start_index(folder)
    out, err = process.communicate(timeout=PATIENCE_S)
    assert process.returncode == 0, err
    report = json.loads(out)
    assert (report["unchanged"], report["added"]) == (len(done), NUM_VIDEOS - len(done))
    assert len(check_what_is_there(home)) == NUM_VIDEOS

    with Workspace(Settings.at(home)) as ws:
        states = [job.state for job in ws.catalog.jobs(limit=50)]
    assert set(states) <= {"done", "interrupted"}


def test_ctrl_c_ends_cleanly(home: Path, tmp_path: Path) -> None:
    folder = tmp_path / "videos"
    for seed in range(NUM_VIDEOS):
        draw_moving_picture(folder / f"{seed:02d}.mp4", seed=seed, seconds=3.0)
    process = start_index(folder)
    assert process.stderr is not None
    process.stderr.readline()  # says which provider runs: the embedding has begun
    process.send_signal(signal.SIGINT)
    out, err = process.communicate(timeout=PATIENCE_S)
    assert "Traceback" not in err
    report = json.loads(out)
    if process.returncode == 0:  # it was quicker than the signal
        assert not report["stopped"]
        return
    assert process.returncode == 130
    assert report["stopped"]
    assert report["added"] + report["left"] == NUM_VIDEOS
    assert len(check_what_is_there(home)) == report["added"]
