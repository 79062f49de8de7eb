"""What an encoder file shall be, and what its export looks at besides the network."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from embedder.clip_plan import check_spans
from embedder.encoder_card import PRECISIONS
from embedder.worker_messages import PictureSpec
from pretrain.encoder_module import Pooling
from pretrain.sample_clips import ClipSource, ClipSpec


@dataclass(frozen=True, kw_only=True)
class ExportSpec:
    """Everything about an encoder file that is not its weights.

    name: what `--encoder` calls it. num_frames, size_px: T, and H = W. spans_s: clip lengths in seconds, ascending.
    pooling: `avg` or `grid:TxHxW`. whiten_dim: numbers of an embedding after PCA-whitening, None for no whitening.
    whiten_at_most: whiten_dim is an upper limit; where there are fewer features or clips, as many as these allow.
    whiten_strength: 0 only centres and turns, 1 gives every direction the same spread; a half found most in measurements
    (docs/results.md). whiten_clips: on how many clips the whitening is fitted. seed: of those clips.
    precision: `fp32`, `fp16` or `int8`. Raises ValueError for what can never be.
    """

    name: str
    num_frames: int = 16
    size_px: int = 64
    spans_s: tuple[float, ...] = (2.0, 4.0, 8.0)
    geometry: str = "squash"
    pooling: str = "avg"
    whiten_dim: int | None = None
    whiten_at_most: bool = False
    whiten_strength: float = 0.5
    whiten_clips: int = 2048
    seed: int = 1
    precision: str = "fp32"
    training: Mapping[str, Any] = field(default_factory=dict)

    def __post_init__(self) -> None:
        check_spans(self.spans_s)
        Pooling.parse(self.pooling)
        if self.precision not in PRECISIONS:
            raise ValueError(f"precision must be one of {', '.join(PRECISIONS)}, got {self.precision!r}")

    @property
    def clips(self) -> ClipSpec:
        """The clips that the encoder takes."""
        pictures = PictureSpec(num_frames=self.num_frames, height_px=self.size_px, width_px=self.size_px, geometry=self.geometry)
        return ClipSpec(pictures=pictures, spans_s=self.spans_s)


@dataclass(frozen=True, kw_only=True)
class Footage:
    """What an export looks at besides the network; drawn clips where None. whiten_on: to fit the whitening.
    calibrate_on: to find the ranges of int8, and to compare fp16 and int8 with fp32.
    """

    whiten_on: ClipSource | None = None
    calibrate_on: ClipSource | None = None
