"""Names, times and numbers as the page shows them."""

import os

import pytest

from app.ui.shown_text import as_html, as_markdown, clock, count, file_size, length, percent, printable, span


@pytest.mark.parametrize(
    ("seconds", "shown"),
    [(0, "0:00.0"), (7.44, "0:07.4"), (59.96, "1:00.0"), (723, "12:03.0"), (3723.5, "1:02:03.5"), (-1, "0:00.0")],
)
def test_clock(seconds: float, shown: str) -> None:
    assert clock(seconds) == shown


def test_clock__without_tenths() -> None:
    assert clock(95.4, tenths=False) == "1:35"


def test_span() -> None:
    assert span(7.4, 70.2) == "0:07.4\N{EN DASH}1:10.2"


@pytest.mark.parametrize(
    ("number", "noun", "shown"),
    [(0, "video", "0 videos"), (1, "clip", "1 clip"), (1204, "clip", "1,204 clips"), (2, "library", "2 libraries")],
)
def test_count(number: int, noun: str, shown: str) -> None:
    assert count(number, noun) == shown


@pytest.mark.parametrize(("seconds", "shown"), [(48.4, "48 s"), (720, "12 min"), (12240, "3.4 h")])
def test_length(seconds: float, shown: str) -> None:
    assert length(seconds) == shown


@pytest.mark.parametrize(
    ("size", "shown"), [(0, "0 kB"), (1, "1 kB"), (400_000, "0.4 MB"), (12_300_000, "12 MB"), (3_100_000_000, "3.1 GB")]
)
def test_file_size(size: int, shown: str) -> None:
    assert file_size(size) == shown


@pytest.mark.parametrize(("score", "shown"), [(-0.3, 0), (0.987, 99), (1.0001, 100)])
def test_percent(score: float, shown: int) -> None:
    assert percent(score) == shown


def test_as_html__a_name_is_only_text() -> None:
    assert as_html("<b>a & 'b'</b> \"c\"") == "&lt;b&gt;a &amp; &#x27;b&#x27;&lt;/b&gt; &quot;c&quot;"


def test_as_markdown__every_sign_of_markdown_is_escaped() -> None:
    assert as_markdown("*a* `b` $c$ [d](e) :red[f]") == r"\*a\* \`b\` \$c\$ \[d\]\(e\) \:red\[f\]"


def test_printable__any_bytes_of_a_name_can_be_sent() -> None:
    name = os.fsdecode(b"caf\xe9\n.mp4")
    assert printable(name) == "caf%E9\N{REPLACEMENT CHARACTER}.mp4"
    printable(name).encode()
