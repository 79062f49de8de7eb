"""Does a query find the very seconds it was cut from? Random ranges of indexed videos, off the index's grid.

    python benchmarks/place_accuracy.py --library clips --library actions --seed 0

Counts queries whose first hit is the right video with start and end within the tolerance. A video that lies twice in the
libraries counts as a miss where its copy comes first. Uses the data folder and the encoder that `vret` would use.
"""

import argparse
from pathlib import Path

import numpy as np

from app.find_similar import ClipQuery, find_similar
from app.workspace import Workspace
from index.search import Filters

SHORTEST_QUERY_S, LONGEST_QUERY_S = 2.5, 6.0


def main() -> None:
    """Print a line for each miss, then the count."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--library", action="append", required=True, help="indexed library; may be repeated")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--queries", type=int, default=2, help="of each video")
    parser.add_argument("--min-s", type=float, default=6.5, help="only videos of at least this length")
    parser.add_argument("--tolerance-s", type=float, default=0.5)
    wanted = parser.parse_args()
    rng = np.random.default_rng(wanted.seed)
    right = total = 0
    with Workspace() as ws:
        rows = [row for name in wanted.library for row in ws.catalog.videos(name, outcome="indexed", limit=100_000)]
        for row in rows:
            if row.duration_s is None or row.duration_s < wanted.min_s:
                continue
            for _ in range(wanted.queries):
                length_s = float(rng.uniform(SHORTEST_QUERY_S, min(LONGEST_QUERY_S, row.duration_s - 0.5)))
                start_s = float(rng.uniform(0.1, row.duration_s - length_s - 0.1))
                query = ClipQuery(path=Path(row.path), start_s=start_s, end_s=start_s + length_s)
                hits = find_similar(ws, query, k=10, filters=Filters(include_flagged=True)).hits
                total += 1
                hit = hits[0]
                off_s = max(abs(hit.start_s - start_s), abs(hit.end_s - start_s - length_s))
                if hit.video_id == row.id and off_s <= wanted.tolerance_s:
                    right += 1
                else:
                    where = f"{off_s:.2f} s off" if hit.video_id == row.id else f"in {Path(hit.path).name}"
                    print(f"missed {Path(row.path).name} {start_s:.2f}+{length_s:.2f} s: {where}, score {hit.score:.2f}")
    print(f"{right} of {total} first and within {wanted.tolerance_s} s")


if __name__ == "__main__":
    main()
