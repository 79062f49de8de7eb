"""A file that is being written to has no content yet."""

from pathlib import Path

import pytest

from app.steady_files import SteadyFiles
from embedder import fingerprint


def test_a_file_that_is_written_to_while_it_is_read_has_no_fingerprint(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path, honest = tmp_path / "v.mp4", fingerprint.hash_file
    path.write_bytes(b"begun")
    files = SteadyFiles()

    def hash_while_it_grows(path: Path) -> str:
        content = honest(path)
        with path.open("ab") as file:
            file.write(b" and more")
        return content

    with monkeypatch.context() as patch:
        patch.setattr(fingerprint, "hash_file", hash_while_it_grows)
        assert files.fingerprint(path) is None
    quiet = files.fingerprint(path)
    assert quiet is not None
    assert (quiet.size, quiet.content_hash) == (path.stat().st_size, honest(path))
