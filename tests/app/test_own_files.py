"""A program deletes only what it made: folders that are given may hold files of others."""

import os
from pathlib import Path

from app.ui.page_process import start_command
from pretrain.run_lock import at_work


def test_half_files_of_others_stay_in_a_runs_folder(tmp_path: Path) -> None:
    others = [tmp_path / name for name in (".download.part", ".film.mp4.part", ".thesis.docx.0123abcd.part", "x.part")]
    own = [
        tmp_path / name for name in (".checkpoint.pt.0123abcd.part", ".metrics.jsonl.00000000.part", ".config.json.deadbeef.part")
    ]
    for path in (*others, *own):
        path.write_text("x")
    with at_work(tmp_path):
        assert all(path.exists() for path in others)
        assert not any(path.exists() for path in own)


def test_only_logs_of_the_page_make_room_for_new_ones(tmp_path: Path) -> None:
    others = [tmp_path / name for name in ("index-of-films.txt", "index-2024.log", "index-backup.json.gz")]
    own = [tmp_path / f"index-{number:08d}.{end}" for number in range(30) for end in ("json", "log")]
    for path in (*others, *own):
        path.write_text("x")
        os.utime(path, (1e9, 1e9))
    started = start_command(tmp_path, "index", "films", ["--version"])
    assert started.process.wait() == 0
    assert all(path.exists() for path in others)
    assert sum(path.exists() for path in own) == 38
    assert started.answer_file.exists() and started.talk_file.exists()
