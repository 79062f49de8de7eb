"""What runs are told apart by: what each of their encoders was asked."""

from pathlib import Path

from app.evaluation.data_fingerprint import Question, data_fingerprint
from app.evaluation.labelled_library import Entry
from app.labels.rows import LabelledVideo


def question(*names: str) -> Question:
    """One query, and a gallery of these."""
    videos = [Entry(LabelledVideo(path=Path(f"/v/{name}"), label="a", split="train"), content_hash=name) for name in ("q", *names)]
    return videos[:1], videos[1:]


MANY, FEW = question("a", "b", "c"), question("a", "b")


def test_who_was_asked_does_not_matter_where_all_were_asked_the_same() -> None:
    assert data_fingerprint([("one", MANY)]) == data_fingerprint([("two", MANY), ("three", MANY)])
    assert data_fingerprint([("one", MANY)]) == data_fingerprint([("one", question("c", "a", "b"))])  # in any order
    assert data_fingerprint([("one", MANY)]) != data_fingerprint([("one", FEW)])


def test_who_was_asked_which_matters_where_they_were_not() -> None:
    """Else two runs that cannot be set side by side would look as if they could."""
    asked = data_fingerprint([("one", MANY), ("two", FEW)])
    assert asked == data_fingerprint([("two", FEW), ("one", MANY)])
    assert asked != data_fingerprint([("one", FEW), ("two", MANY)])
    assert asked != data_fingerprint([("three", MANY), ("four", FEW)])


def test_a_file_that_no_catalog_knows_counts_by_its_content(tmp_path: Path) -> None:
    def of(content: bytes) -> str:
        (tmp_path / "a.mp4").write_bytes(content)
        entry = Entry(LabelledVideo(path=tmp_path / "a.mp4", label="a", split="test"))
        return data_fingerprint([("one", ([entry], [entry]))])

    assert of(b"x") == of(b"x") != of(b"y")
