"""Clips that were made by older rules of reading a video: whether today's rules would make the same ones."""

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

from app.index_report import IndexReport
from app.library_scan import is_of_older_reading
from embedder.errors import VideoRejected
from embedder.reading_rules import KEY_FRAMES_ALONE, READING_RULES

if TYPE_CHECKING:
    from index.catalog import Catalog, KnownFile
    from index.catalog.records import VideoClips


_WITH_PLAIN_FLAG = 3  # from this version of the rules on


class OlderReadings:
    """Of one run. say: takes a line for the user. only_key_frames: the run reads nothing else, so that whatever was read before is
    as good."""

    def __init__(
        self, catalog: "Catalog", report: IndexReport, encoder_id: int, say: Callable[[str], None], *, only_key_frames: bool
    ) -> None:
        self._catalog = catalog
        self._report = report
        self._encoder_id = encoder_id
        self._say = say
        self._only_key_frames = only_key_frames
        self._read_otherwise: set[Path] = set()

    def hold(self, path: Path, known: "KnownFile") -> bool:
        """True when clips of older rules are as today's would be, which is then noted in the catalog; False for all others, and
        for clips of key frames alone."""
        from embedder.other_reading import OtherReading, other_reading

        if not known.embedded or not is_of_older_reading(known) or path in self._read_otherwise:
            return False
        if self._only_key_frames:
            return True
        if known.reading == KEY_FRAMES_ALONE:
            return False
        clips = self._catalog.clips_of([known.video_id], self._encoder_id).get(known.video_id)
        if clips is None:  # damaged, so that they are made anew
            return False
        try:
            row = self._catalog.video(known.video_id)
            lasted_s = min(row.duration_s or 0.0, _longest_s(clips))
            if any("damaged" in warning for warning in row.warnings):
                other = OtherReading("older versions could run out of memory and call a video damaged", ())
            else:
                other = other_reading(path, lasted_s, known.reading)
        except (VideoRejected, OSError):  # what is wrong with it is found, and reported, where it is embedded
            return False
        why = other.why or self._lacks_flags(known, clips)
        if why:
            self._read_otherwise.add(path)
            self._say(f"read anew, since {why}: {path}")
            return False
        self._catalog.note_reading(known.video_id, self._encoder_id, READING_RULES, other.warnings)
        self._report.warnings.extend((str(path), warning) for warning in other.warnings)
        return True

    def _lacks_flags(self, known: "KnownFile", clips: "VideoClips") -> str:
        """Why an encoder of looks needs the clips anew, or "": older clips do not say which still ones are plain."""
        from embedder.encoder_card import EncoderCard
        from embedder.vector_parts import sees_look
        from index.catalog.records import LOW_INFORMATION

        if known.reading >= _WITH_PLAIN_FLAG or not (clips.flags & LOW_INFORMATION).any():
            return ""
        card = EncoderCard.from_json(self._catalog.encoder(self._encoder_id).card_json)
        return "its still clips are not yet checked for plain ones" if sees_look(card) else ""


def _longest_s(clips: "VideoClips") -> float:
    """How long a video was at most when these clips were made: its length may be by newer rules, for another encoder."""
    from embedder.clip_plan import GRID_HZ, SAME_LENGTH

    starts, ends = clips.spans_s.T
    return float(ends.max() + max(1 / GRID_HZ, SAME_LENGTH * (ends - starts).max()))
