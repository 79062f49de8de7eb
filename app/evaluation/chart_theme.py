"""Colours and letters of the charts, and their SVG. Text is the colour of the text around it, so light and dark both work."""

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from app.evaluation.run_view import Share

if TYPE_CHECKING:
    import altair as alt

RIGHT = "#2f86c5"
WRONG = "#d55e00"
GREYS = ("#8c8c8c", "#6f6f6f", "#a8a8a8")
"""Of encoders that learnt nothing."""
COLOURS = (
    *("#d55e00", "#2f86c5", "#009e73", "#cc79a7", "#e69f00", "#56b4e9", "#7a5cc0", "#547848", "#cc003c", "#a8c06c"),
    *("#b42484", "#3fa7a0", "#9c60fc", "#a36b42", "#f06078", "#789cfc", "#54a83c", "#c9a36a", "#7d8ba0", "#e58bd8"),
)
"""The first seven differ for every kind of colour vision (after Okabe and Ito); all are seen on white and on black."""

_INK = "currentColor"
_DRAWN_AS = {"embedOptions": {"renderer": "svg"}}  # on a canvas, currentColor is black whatever is around it
_REPORT_FONT = "Arial, Helvetica, Liberation Sans, sans-serif"  # of equal widths: an SVG's places are those of where it was made
_QUIET: dict[str, Any] = {"labelColor": _INK, "labelOpacity": 0.85, "titleColor": _INK, "titleOpacity": 0.85}
_CONFIG: dict[str, Any] = {
    "aria": False,  # the page around a chart describes it; a description of every mark would double its size
    "background": "transparent",
    "font": "sans-serif",
    "view": {"stroke": None},
    "axis": _QUIET
    | {
        **{"labelFontSize": 12, "titleFontSize": 12, "titleFontWeight": "normal", "titlePadding": 8, "labelLimit": 170},
        **{"domain": False, "ticks": False, "labelPadding": 6, "gridColor": _INK, "gridOpacity": 0.13},
    },
    "legend": _QUIET | {"labelFontSize": 12, "titleFontSize": 12, "titleFontWeight": "normal", "symbolSize": 110},
    "title": {
        **{"anchor": "start", "color": _INK, "fontSize": 14, "fontWeight": 600, "limit": 560, "offset": 12},
        **{"subtitleColor": _INK, "subtitleFontSize": 12},
    },
    "text": {"color": _INK, "fontSize": 12},
}


def styled(chart: "alt.Chart", width_px: int) -> "alt.Chart":
    """The chart with the house's letters and lines. width_px: of all of it, axes and legend too."""
    sized = chart.properties(width=width_px, autosize={"type": "fit-x", "contains": "padding"}, usermeta=_DRAWN_AS)
    whole: alt.Chart = sized.configure(**_CONFIG)
    return whole


def layered(*layers: "alt.Chart", width_px: int | None = None, **properties: Any) -> "alt.LayerChart":
    """As `styled`, of several charts over each other. width_px: None where the properties have the width without what is around."""
    import altair as alt

    if width_px is not None:
        properties |= {"width": width_px, "autosize": {"type": "fit-x", "contains": "padding"}}
    whole: alt.LayerChart = alt.LayerChart(layer=list(layers), usermeta=_DRAWN_AS, **properties).configure(**_CONFIG)
    return whole


def to_svg(chart: "alt.Chart | alt.LayerChart") -> str:
    """The chart as one <svg> element without script, link or id, so that several can stand in one HTML file."""
    import altair as alt
    import vl_convert

    spec = chart.to_dict(validate=False)  # takes longer than the drawing; the tests do it
    spec["config"]["font"] = _REPORT_FONT
    version = ".".join(alt.SCHEMA_VERSION.removeprefix("v").split(".")[:2])
    svg: str = vl_convert.vegalite_to_svg(spec, vl_version=version)
    return svg


def bounds(share: Share) -> dict[str, float | None]:
    """The interval as a chart's data have it."""
    return {"low": share.low, "high": share.high}


def tooltip(names: Mapping[str, str], number_format: str = "") -> "list[alt.Tooltip]":
    """names: field -> what a person calls it; number_format: of numbers, such as ".3f"; without one the fields are text."""
    import altair as alt

    if number_format:
        return [alt.Tooltip(f"{field}:Q", title=title, format=number_format) for field, title in names.items()]
    return [alt.Tooltip(f"{field}:N", title=title) for field, title in names.items()]


def in_order(names: Sequence[str]) -> "alt.Scale":
    """A scale that keeps the order of names, whatever is in them."""
    import altair as alt

    return alt.Scale(domain=list(dict.fromkeys(names)))
