"""What an indexing run did, as tests compare it."""

from app.index_report import IndexReport


def counts(report: IndexReport) -> dict[str, int]:
    """The counts that are not zero."""
    return {name: count for name, count in report.counts().items() if count}
