"""What a person searches by: a range of a clip, a still picture, or a moment that is already indexed."""

from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

from app.find_similar import ClipQuery, Hit, MomentQuery, PictureQuery

if TYPE_CHECKING:
    from index.search import Moment

_SAME_S = 0.05  # a range this close to the whole clip is the whole clip
_OWN_SHARE = 0.5  # a hit that overlaps the query this much is the query itself


@dataclass(frozen=True, kw_only=True)
class Draft:
    """A clip from which a range is being chosen. video_id: set when the clip is an indexed video. note: where it comes from."""

    path: Path
    name: str
    duration_s: float
    start_s: float
    end_s: float
    video_id: int | None = None
    note: str = ""


@dataclass(frozen=True, kw_only=True)
class ShownQuery:
    """A query as it was asked: seconds [start_s, end_s) of a file; `video_id` when it is answered from stored vectors.

    is_picture: the file is a still picture, and has no seconds. also, unlike: further examples, of what is meant and of what is
    not; they have none themselves.
    """

    path: Path
    name: str
    start_s: float
    end_s: float
    duration_s: float | None
    video_id: int | None
    note: str
    is_picture: bool = False
    also: "tuple[ShownQuery, ...]" = ()
    unlike: "tuple[ShownQuery, ...]" = ()

    @classmethod
    def of_draft(cls, draft: Draft) -> "ShownQuery":
        return cls(
            path=draft.path,
            name=draft.name,
            start_s=draft.start_s,
            end_s=draft.end_s,
            duration_s=draft.duration_s,
            video_id=draft.video_id,
            note=draft.note,
        )

    @classmethod
    def of_picture(cls, path: Path, name: str, note: str) -> "ShownQuery":
        return cls(path=path, name=name, start_s=0.0, end_s=0.0, duration_s=None, video_id=None, note=note, is_picture=True)

    @classmethod
    def of_hit(cls, hit: Hit) -> "ShownQuery":
        return cls(
            path=hit.path,
            name=hit.path.name,
            start_s=hit.start_s,
            end_s=hit.end_s,
            duration_s=None,
            video_id=hit.video_id,
            note=f"a hit in {hit.library}",
        )

    @property
    def alone(self) -> "ShownQuery":
        """The first example, without the further ones."""
        return replace(self, also=(), unlike=())

    @property
    def examples(self) -> "tuple[ShownQuery, ...]":
        """All examples of what is meant."""
        return (self.alone, *self.also)

    @property
    def has_several(self) -> bool:
        """Whether there are further examples of either kind."""
        return bool(self.also or self.unlike)

    def with_example(self, example: "ShownQuery", *, is_unlike: bool = False) -> "ShownQuery":
        """The query with one more example; one that was of the other kind changes over, unless nothing else is meant."""
        rest = self.without(example)
        if example in (rest.examples if is_unlike else self.examples):
            return self
        return replace(rest, unlike=(*rest.unlike, example)) if is_unlike else replace(rest, also=(*rest.also, example))

    def without(self, example: "ShownQuery") -> "ShownQuery":
        """The query without an example; the last one of what is meant stays."""
        also, unlike = (tuple(one for one in some if one != example) for some in (self.also, self.unlike))
        if example == self.alone and also:
            return replace(also[0], also=also[1:], unlike=unlike)
        return replace(self, also=also, unlike=unlike)

    @property
    def is_whole(self) -> bool:
        """Whether it is all of its file."""
        return self.duration_s is not None and self.start_s < _SAME_S and self.end_s > self.duration_s - _SAME_S

    def to_find(self) -> ClipQuery | MomentQuery | PictureQuery:
        """The same, as the use case takes it; without the further examples."""
        if self.is_picture:
            return PictureQuery(path=self.path)
        if self.video_id is not None:
            return MomentQuery(video_id=self.video_id, at_s=self.start_s, end_s=self.end_s)
        if self.is_whole:
            return ClipQuery(path=self.path)
        return ClipQuery(path=self.path, start_s=self.start_s, end_s=self.end_s)

    def is_itself(self, hit: "Hit | Moment") -> bool:
        """Whether a hit is the very moment that was asked about; only known of indexed ones."""
        if self.video_id is None or (hit.video_id != self.video_id and hit.path != self.path):
            return False  # the same file may be in several libraries, under a number in each
        shared_s = min(hit.end_s, self.end_s) - max(hit.start_s, self.start_s)
        return shared_s > _OWN_SHARE * min(hit.end_s - hit.start_s, self.end_s - self.start_s)
