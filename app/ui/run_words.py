"""How the page calls what a stored run holds."""

from app.evaluation.run_view import RetrievalView, Share
from app.evaluation.ways import Way
from app.ui.shown_text import printable

WAY_CHOICES: dict[Way, str] = {"mean": "by mean vector", "stored": "as the search does"}
"""What the form offers."""
_WAYS: dict[str, str] = {
    "mean": WAY_CHOICES["mean"],
    "stored": WAY_CHOICES["stored"],
    "sequence": "as the search does, asked with files",
    "vcop": "protocol vcop",
    "gap": "protocol gap",
}


_KINDS = {
    "retrieval": "retrieval",
    "judged": "retrieval, by what was judged",
    "compare": "two encoders compared",
    "probe": "linear probe",
    "finetune": "fine-tuning",
    "cloze": "cloze",
}


def kind_words(kind: str) -> str:
    """What a run measured."""
    return _KINDS.get(kind) or printable(kind)


def way_words(way: str) -> str:
    """A way of comparing, in words."""
    return _WAYS.get(way) or printable(way)


def figure(share: float | None) -> str:
    """A share as the command line's tables print it, empty where none was stored."""
    return "" if share is None else f"{share:.3f}"


def interval(share: Share) -> str:
    """The interval of a share, empty where none was stored."""
    if share.low is None or share.high is None:
        return ""
    return f"{share.low:.2f}\N{EN DASH}{share.high:.2f}"


def verdict(row: RetrievalView) -> str:
    """How a result stands to the untrained network, in a sentence; empty for what learnt nothing itself."""
    if row.encoder.learnt_nothing:
        return ""
    if row.floor is None or not row.standing:
        return "No untrained network was measured beside it, so how much of this is training cannot be said."
    where, untrained = f"Its 95 % interval ({interval(row.class_mean_top_1)}, class mean)", figure(row.floor)
    if row.standing == "above":
        return f"{where} lies above the best untrained network's {untrained}."
    if row.standing == "covered":
        return f"{where} covers the untrained network's {untrained}: here it may be no better than one that learnt nothing."
    return f"{where} lies below the untrained network's {untrained}: here it is worse than one that learnt nothing."
