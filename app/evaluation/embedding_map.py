"""A map of videos: vectors laid out in two dimensions, near where they are alike.

Shapes: V videos, D vector dimensions.
"""

from dataclasses import dataclass
from pathlib import PurePath
from typing import TYPE_CHECKING

from app.errors import AppError
from app.evaluation.chart_theme import COLOURS, styled, tooltip
from app.ui.shown_text import printable

if TYPE_CHECKING:
    import altair as alt
    import numpy as np
    from numpy.typing import NDArray

MOST_FOR_TSNE = 1000
"""t-SNE of more would take longer than somebody waits for a page; it shows neighbourhoods, of which PCA keeps the coarse ones."""
FEWEST_FOR_TSNE = 10
_PCA_DIMENSIONS = 50
_PERPLEXITY = 30.0
_TSNE_STEPS = 750  # 250 of them with the exaggeration by which clusters form


@dataclass(frozen=True, kw_only=True)
class MapPoint:
    """One video on the map. split: "train", "test" or "" (unknown). x, y: -1..1, as `project` gives them."""

    path: str
    label: str
    split: str
    x: float
    y: float


@dataclass(frozen=True, kw_only=True)
class EmbeddingMap:
    """The videos as one encoder sees them. points: the place of each is its number in the chart's selection."""

    encoder: str
    points: tuple[MapPoint, ...]


def project(vectors_VD: "NDArray[np.float32]", seed: int = 0) -> "NDArray[np.float32]":
    """Two coordinates, -1..1, for each of V vectors; returns (V, 2) float32, the same on every call.

    Vectors are compared by direction, as retrieval does. Up to 1,000: PCA to 50 dimensions, then t-SNE (van der Maaten and Hinton,
    JMLR 2008); more, or fewer than 10: PCA to two. Raises AppError for another shape and for NaN or infinity.
    """
    import numpy as np

    if vectors_VD.ndim != 2 or vectors_VD.shape[1] == 0:
        raise AppError(f"A map is made of vectors of shape (videos, dimensions), got {vectors_VD.shape}.")
    broken_N = np.flatnonzero(~np.isfinite(vectors_VD).all(axis=1))
    if len(broken_N):
        raise AppError(
            f"The vector of video {broken_N[0]} holds NaN or infinity ({len(broken_N)} of {len(vectors_VD)} do):"
            " the encoder that made it is broken, and no map can be made."
        )
    lengths_V1 = np.linalg.norm(vectors_VD.astype(np.float64), axis=1, keepdims=True)
    unit_VD = vectors_VD / np.where(lengths_V1 > 0, lengths_V1, 1)
    if len(unit_VD) < 2 or np.ptp(unit_VD, axis=0).max() < 1e-6:  # one point, or all at one place: nothing to spread
        return np.zeros((len(unit_VD), 2), np.float32)
    return _fitted(_laid_out(unit_VD, seed))


def _laid_out(unit_VD: "NDArray[np.float64]", seed: int) -> "NDArray[np.float64]":
    """(V, 2), in no particular range. On one thread: the order in which threads add up would move the points."""
    import numpy as np
    from sklearn.decomposition import PCA
    from sklearn.manifold import TSNE
    from threadpoolctl import threadpool_limits

    num_videos, num_dimensions = unit_VD.shape
    by_tsne = FEWEST_FOR_TSNE <= num_videos <= MOST_FOR_TSNE
    wanted = min(_PCA_DIMENSIONS if by_tsne else 2, num_videos, num_dimensions)
    with threadpool_limits(limits=1):
        reduced_VK = PCA(n_components=wanted, random_state=seed).fit_transform(unit_VD)
        if not by_tsne:
            return np.pad(reduced_VK, ((0, 0), (0, 2 - wanted)))
        # At t-SNE's own start, PCA scaled down: clusters end up in the same places whatever the seed.
        start_V2 = np.pad(reduced_VK[:, :2], ((0, 0), (0, max(0, 2 - wanted))))
        start_V2 = (start_V2 / start_V2[:, 0].std() * 1e-4).astype(np.float32)
        perplexity = min(_PERPLEXITY, (num_videos - 1) / 3)
        tsne = TSNE(init=start_V2, perplexity=perplexity, max_iter=_TSNE_STEPS, random_state=seed)
        return np.asarray(tsne.fit_transform(reduced_VK), np.float64)


def _fitted(places_V2: "NDArray[np.float64]") -> "NDArray[np.float32]":
    """Moved and scaled into -1..1, both axes by the same factor."""
    import numpy as np

    low_2, high_2 = places_V2.min(axis=0), places_V2.max(axis=0)
    centred_V2 = places_V2 - (low_2 + high_2) / 2
    fitted_V2: NDArray[np.float32] = (centred_V2 / np.abs(centred_V2).max()).astype(np.float32)
    return fitted_V2


def map_chart(embedding_map: EmbeddingMap, *, width_px: int = 600) -> "alt.Chart":
    """Each video a point, coloured by label, shaped by its side of the split. Clicking one selects it.

    The selection is called "picked"; its field "video" is the place of the point in `embedding_map.points`. Up to 20 labels there
    is a legend; with more, colours repeat and the title says so.
    """
    import altair as alt

    values = [{"video": place, "x": point.x, "y": point.y, **_words(point)} for place, point in enumerate(embedding_map.points)]
    labels = sorted({printable(point.label) for point in embedding_map.points})
    splits = sorted({_split(point) for point in embedding_map.points})
    picked = alt.selection_point(name="picked", fields=["video"], on="click", empty=False)
    here = alt.Axis(labels=False, grid=False, title=None)
    everywhere = alt.Scale(domain=[-1.06, 1.06])
    chart = alt.Chart(alt.InlineData(values=values)).mark_point(filled=True).add_params(picked)
    chart = chart.encode(
        x=alt.X("x:Q", axis=here, scale=everywhere),
        y=alt.Y("y:Q", axis=here, scale=everywhere),
        color=_label_colours(labels),
        shape=_split_shapes(splits),
        opacity=alt.condition(picked, alt.value(1.0), alt.value(0.75)),
        size=alt.condition(picked, alt.value(260), alt.value(55)),
        stroke=alt.condition(picked, alt.value("currentColor"), alt.value("transparent")),
        tooltip=tooltip({"name": "file", "label": "label", "split": "split"}),
    )
    if len(labels) > len(COLOURS):
        chart = chart.properties(title=f"{len(labels)} labels: colours repeat, point at a video for its label")
    return styled(chart.properties(height=round(width_px * 0.72)), width_px)


def _words(point: MapPoint) -> dict[str, str]:
    return {"label": printable(point.label), "split": _split(point), "name": printable(PurePath(point.path).name)}


def _split(point: MapPoint) -> str:
    return printable(point.split or "unknown")


def _label_colours(labels: list[str]) -> "alt.Color":
    import altair as alt

    colours = [COLOURS[place % len(COLOURS)] for place in range(len(labels))]
    legend = None if len(labels) > len(COLOURS) else alt.Legend(orient="right", labelLimit=130, symbolOpacity=1)
    return alt.Color("label:N", title=None, scale=alt.Scale(domain=labels, range=colours), legend=legend)


def _split_shapes(splits: list[str]) -> "alt.Shape":
    """Queries stand out; a legend only where there is something to tell apart."""
    import altair as alt

    shapes = {"train": "circle", "test": "triangle-up"}
    legend = alt.Legend(orient="bottom", symbolFillColor="currentColor", symbolStrokeWidth=0) if len(splits) > 1 else None
    scale = alt.Scale(domain=splits, range=[shapes.get(split, "square") for split in splits])
    return alt.Shape("split:N", title=None, scale=scale, legend=legend)
