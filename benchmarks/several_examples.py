"""Do several examples find more than one, and what does an unlike one change?

    python benchmarks/several_examples.py --library gestures

The library's videos lie in a folder for each class; each is asked by its stored vectors, whole. For each class some draws of two
examples, and as unlike ones the first wrong videos that both together find: what a person would press "Not this" on. Printed for
each share that unlike ones may count: average precision of the class, and the share of the first ten hits that are of the unlike
ones' classes. Neither examples nor unlike ones are counted as hits. Choose by it on training rows alone.
"""

import argparse
import random
from collections.abc import Sequence
from pathlib import Path

import numpy as np

import app.combine_examples
from app.find_similar import EmbeddedQuery, MomentQuery, embed_for_search, find_similar
from app.workspace import Workspace
from index.search import Filters

SHARES = (0.0, 0.1, 0.2, 0.3, 0.4, 0.5, 0.7)


def main() -> None:
    """Print a line for each share and number of examples."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--library", required=True)
    parser.add_argument("--encoder", help="default: the data folder's")
    parser.add_argument("--draws", type=int, default=4, help="of examples, for each class")
    parser.add_argument("--seed", type=int, default=0)
    wanted = parser.parse_args()
    filters = Filters(library=wanted.library)
    with Workspace() as ws:
        queries: dict[Path, EmbeddedQuery] = {}
        for row in ws.catalog.videos(wanted.library, outcome="indexed", limit=100_000):
            query = MomentQuery(video_id=row.id, at_s=0.0, end_s=row.duration_s)
            embedded = embed_for_search(ws, query, encoder_name=wanted.encoder, filters=filters)
            if embedded.clips.whole is not None and not embedded.clips.is_blank:
                queries[row.path] = embedded

        def found(examples: Sequence[Path], unlike: Sequence[Path]) -> list[Path]:
            hits = find_similar(
                ws,
                [queries[path] for path in examples],
                unlike=[queries[path] for path in unlike],
                encoder_name=wanted.encoder,
                k=len(queries),
                filters=filters,
                one_per_video=True,
            ).hits
            return [hit.path for hit in hits if hit.path in queries]

        for share in SHARES:
            app.combine_examples.UNLIKE_SHARE = share
            rng = random.Random(wanted.seed)
            rows: dict[tuple[int, int], list[tuple[float, float]]] = {}
            for label in sorted({path.parent.name for path in queries}):
                own = [path for path in queries if path.parent.name == label]
                for _ in range(wanted.draws):
                    examples = rng.sample(own, 2)
                    wrong = [path for path in found(examples, []) if path.parent.name != label]
                    for count in (1, 2):
                        for unlike in (wrong[:1], wrong[:3]):
                            ranked = [p for p in found(examples[:count], unlike) if p not in {*examples, *unlike}]
                            rows.setdefault((count, len(unlike)), []).append(_measured(ranked, label, unlike))
            for (count, unlike_count), values in rows.items():
                precision, wrong_share = np.mean(values, axis=0)
                print(f"share {share:.1f}, {count} + {unlike_count} examples: AP {precision:.3f}, unlike {wrong_share:.3f}")


def _measured(ranked: Sequence[Path], label: str, unlike: Sequence[Path]) -> tuple[float, float]:
    """Average precision of a class, and the share of the first ten that are of the unlike ones' classes."""
    right = np.array([path.parent.name == label for path in ranked])
    precision = np.cumsum(right)[right] / (np.flatnonzero(right) + 1)
    classes = {path.parent.name for path in unlike}
    return float(precision.mean()), float(np.mean([path.parent.name in classes for path in ranked[:10]]))


if __name__ == "__main__":
    main()
