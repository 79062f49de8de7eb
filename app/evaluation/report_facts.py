"""What was measured, in plain words: the head of a report."""

import json
from collections.abc import Iterator
from typing import Any

from app.evaluation.run_view import Encoder, RetrievalView, RunView
from app.ui.run_words import kind_words, way_words
from app.ui.shown_text import count

_LEADS = {
    "retrieval": "Each query video was searched for in the gallery, and is right at k when one of the k nearest has its label.",
    "judged": "Queries that were judged while searching were asked again, and are right at k when one of the first k judged hits "
    "had been judged relevant.",
    "compare": "Two encoders answered the same queries from the same gallery. The difference is that of their class-mean top-1, "
    "its interval that of a paired bootstrap.",
    "probe": "A classifier was fitted to the frozen features of the train videos and asked for the labels of the test videos.",
    "finetune": "The networks were trained further, with labels, on the train videos and asked for the labels of the test videos.",
    "cloze": "The frozen networks were asked which of the operations had made the clip that fills the gap.",
}
_PRESETS = {
    "library": "library: the vectors that search uses",
    "vcop": "vcop: ten clips, the last stage's map max-pooled, their mean, cosine (Xu et al., CVPR 2019)",
    "gap": "gap: ten clips, the last stage's map averaged, their mean, unit length, cosine",
}
_SAID_APART = frozenset(
    ["format", "asked", "ways", "encoders", "labels", "layout", "fold", "preset", "within", "ignored", "fingerprint", "version"]
)
_HASH_DIGITS = 12
_GROUPS_NAMED = 8


def title(view: RunView) -> str:
    """What the report is called."""
    words = kind_words(view.kind)
    return f"{words[:1].upper()}{words[1:]}" + (f" in {view.library}" if view.library else "")


def lead(view: RunView) -> str:
    """What was done, in a sentence."""
    return _LEADS.get(view.kind, "")


def facts(view: RunView) -> list[tuple[str, str]]:
    """(term, what it was) of all that a result depends on; what is unknown is left out."""
    settings = view.settings
    layout = ", ".join(part for part in (settings.get("layout"), _fold(settings.get("fold"))) if part)
    found = [
        ("library", view.library),
        ("labels", f"{settings.get('labels') or ''}" + (f" ({layout})" if layout else "")),
        ("queries", "; ".join(_sizes(view))),
        ("features", _PRESETS.get(settings.get("preset", ""), settings.get("preset") or "")),
        ("compared", "; ".join(way_words(way) for way in dict.fromkeys(row.way for row in view.rows))),
        ("measured apart", f"each {settings['within']}" if settings.get("within") else ""),
        ("ignored labels", ", ".join(map(str, settings.get("ignored") or ()))),
        *((f"encoder {encoder.name}", _about(encoder)) for encoder in view.encoders),
        *((name.replace("_", " "), _plain(value)) for name, value in settings.items() if name not in _SAID_APART),
        ("data fingerprint", view.fingerprint),
        ("measured", f"{view.created_at:%Y-%m-%d %H:%M %Z}".strip()),
        ("stored as", f"run {view.id}" + (f", vret {settings['version']}" if settings.get("version") else "")),
    ]
    return [(term, text) for term, text in found if text]


def _sizes(view: RunView) -> Iterator[str]:
    """How many queries and gallery videos each group has; of each encoder where they were not asked the same."""
    sizes: dict[str, dict[str, list[str]]] = {}
    for row in view.rows:
        if row.encoder.name in view.looked_at:
            names = sizes.setdefault(row.group, {}).setdefault(_size(row), [])
            names += [row.encoder.name] * (row.encoder.name not in names)
    for group, names_of in list(sizes.items())[:_GROUPS_NAMED]:
        apart = len(names_of) > 1
        words = ", ".join(f"{size} ({', '.join(names)})" if apart else size for size, names in names_of.items())
        yield f"{group}: {words}" if group else words
    if len(sizes) > _GROUPS_NAMED:
        yield f"and {len(sizes) - _GROUPS_NAMED} more groups, in the table"


def _size(row: RetrievalView) -> str:
    if row.num_queries is None or row.num_gallery is None or row.num_labels is None:
        return "their number was not stored"
    queries, labels = count(row.num_queries, "query"), count(row.num_labels, "label")
    return f"{queries} of {labels} among {count(row.num_gallery, 'gallery video')}"


def _fold(fold: object) -> str:
    return "" if fold in (None, "") else f"split {fold}"


def _about(encoder: Encoder) -> str:
    learnt = "learnt nothing" if encoder.learnt_nothing else f"learnt by {encoder.task}" if encoder.task else ""
    digits = f"weights {encoder.sha256[:_HASH_DIGITS]}" if encoder.sha256 else ""
    return ", ".join(part for part in (encoder.backbone, learnt, digits) if part) or "nothing known of it"


def _plain(value: Any) -> str:
    if value in (None, "", [], {}):
        return ""
    if isinstance(value, dict | list):
        return json.dumps(value, ensure_ascii=False).strip("[]").replace('"', "")
    return ("yes" if value else "no") if isinstance(value, bool) else str(value)
