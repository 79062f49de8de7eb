"""What an indexing run did and how far it is: counted, with reasons, ready for JSON."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from typing import Any

_RATE_FROM_S = 1.0

_COUNTS = {
    "added": "added",
    "changed": "changed",
    "reread": "reread",
    "re-embedded": "reembedded",
    "unchanged": "unchanged",
    "touched": "touched",
    "moved": "moved",
    "copied": "copied",
    "returned": "returned",
    "missing": "missing",
    "left out": "excluded",
    "broken": "num_broken",
    "not videos": "num_not_videos",
    "left": "left",
    "linked": "linked",
}
"""How each count is shown, and what it is called in `IndexReport.to_dict`."""
_CHANGES = frozenset(("added", "changed", "reread", "re-embedded", "moved", "copied", "returned", "missing", "left out"))


def counts_of(report: Mapping[str, Any]) -> dict[str, int]:
    """The counts of a stored report by the names that are shown; a report of an older version lacks some."""
    return {shown: int(report[name]) for shown, name in _COUNTS.items() if name in report}


@dataclass(kw_only=True)
class IndexReport:
    """The counts of one run. Every video found is in one of those from added to returned, in broken, not_videos or left.

    added: embedded for the first time (with this encoder). changed: new content under a known path, embedded anew.
    reread: the content known, but embedded by rules of reading that have changed for it since; embedded anew.
    reembedded: the same content, embedded anew because that was asked for.
    unchanged: nothing to do. touched: new time stamp, same content. moved: found under a new path, not embedded again.
    copied: content known from another path, not embedded again. returned: was missing, is back as it was.
    broken: (path, reason), those refused in this run and those refused before and unchanged since.
    newly_broken: how many of `broken` were refused in this run. not_videos: (path, reason), files of another kind, such as text,
    under a video's name. missing: known videos that are gone since the last run. excluded: known videos that are left out since
    then; they are kept as missing ones are, and are not searched. left: found, but not reached because the run was stopped, or
    written to while it was read. left_out: names and patterns that left something out, and how many folders and files each.
    passed_over: endings of files that look like videos but are not called so ("" for none), and how many. linked: further names
    (links) of files that are counted under another one. from_libraries: how many of the moved ones were another library's, by its
    name. away: (folder, in words) of folders that could not be looked through, or that are empty, as a mount point is without its
    disk; what was known below is left as it was.
    warnings: (path, what is odd about it). by_key_frames: how many of those embedded were read by their key frames alone.
    clips: vectors written. video_seconds: their videos' length. seconds: the run's time.
    provider: ONNX Runtime's execution provider that really ran, None when nothing had to be embedded.
    """

    library: str
    encoder: str
    added: int = 0
    changed: int = 0
    reread: int = 0
    reembedded: int = 0
    unchanged: int = 0
    touched: int = 0
    moved: int = 0
    copied: int = 0
    returned: int = 0
    broken: list[tuple[str, str]] = field(default_factory=list)
    newly_broken: int = 0
    not_videos: list[tuple[str, str]] = field(default_factory=list)
    missing: int = 0
    excluded: int = 0
    left: int = 0
    left_out: dict[str, int] = field(default_factory=dict)
    passed_over: dict[str, int] = field(default_factory=dict)
    linked: int = 0
    from_libraries: dict[str, int] = field(default_factory=dict)
    away: list[tuple[str, str]] = field(default_factory=list)
    warnings: list[tuple[str, str]] = field(default_factory=list)
    by_key_frames: int = 0
    clips: int = 0
    video_seconds: float = 0.0
    seconds: float = 0.0
    provider: str | None = None
    stopped: bool = False

    @property
    def has_changes(self) -> bool:
        """Whether the catalog holds something else than before the run."""
        return any(count for name, count in self.counts().items() if name in _CHANGES) or self.newly_broken > 0

    def counts(self) -> dict[str, int]:
        """The counts by name, in the order in which they are shown."""
        return counts_of(vars(self) | {"num_broken": len(self.broken), "num_not_videos": len(self.not_videos)})

    def summary(self) -> str:
        """One line, e.g. `added 41 · unchanged 310 · moved 2 · missing 0 · broken 2`; rare counts only when they are not zero."""
        always = ("added", "unchanged", "moved", "missing", "broken")
        return " · ".join(f"{name} {count}" for name, count in self.counts().items() if count or name in always)

    def to_dict(self) -> dict[str, Any]:
        """Everything, for JSON."""
        lists = {"broken": self.broken, "not_videos": self.not_videos}
        return (
            asdict(self)
            | {name: [list(entry) for entry in entries] for name, entries in lists.items()}
            | {f"num_{name}": len(entries) for name, entries in lists.items()}
            | {"away": [list(entry) for entry in self.away]}
        )


def clips_rate(clips: int, seconds: float) -> float:
    """Clips a second; 0 where a run has been too short to say."""
    return clips / seconds if seconds >= _RATE_FROM_S else 0.0


def rate_words(clips_per_s: float) -> str:
    """A rate as it is shown; empty where there is none."""
    if not clips_per_s:
        return ""
    return f"{clips_per_s:.1f} clips/s" if clips_per_s < 10 else f"{clips_per_s:,.0f} clips/s"


@dataclass(frozen=True, kw_only=True)
class IndexProgress:
    """How far a run is. Sent to `on_event` often; also kept, less often, in the catalog's job.

    phase: "drawing" sample videos, "waiting" for another run, "scanning" the folders, "embedding", "saving" the index, "done".
    done, total: videos that needed work. clips: written so far. seconds: since the embedding began.
    seconds_left: by the rate so far, weighted by file size; None before there is a rate.
    current: the path finished last, or who is waited for. message: something worth a line of its own, else None.
    """

    phase: str
    done: int = 0
    total: int = 0
    clips: int = 0
    broken: int = 0
    seconds: float = 0.0
    seconds_left: float | None = None
    current: str = ""
    message: str | None = None

    @property
    def clips_per_s(self) -> float:
        return clips_rate(self.clips, self.seconds)

    def to_dict(self) -> dict[str, Any]:
        """Everything, for JSON."""
        return asdict(self) | {"clips_per_s": round(self.clips_per_s, 2)}
