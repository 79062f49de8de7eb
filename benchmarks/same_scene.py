"""Do copies of one scene find each other first, however they are encoded?

    python benchmarks/same_scene.py --library clips --names 'derived_*'

Searches with every file whose name fits, whole, and counts: for how many is the first other file a copy; what share of the
first n - 1 other files are copies (n copies); for how many all of them are. Uses the data folder and the encoder that `vret` would.
"""

import argparse
from fnmatch import fnmatch
from pathlib import Path

from app.find_similar import ClipQuery, find_similar
from app.workspace import Workspace
from index.search import Filters


def main() -> None:
    """Print a line for each copy that is not found whole, then the counts."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--library", required=True)
    parser.add_argument("--names", required=True, help="file names of the copies, a shell pattern")
    parser.add_argument("--encoder", help="default: the data folder's")
    parser.add_argument("--look", type=float, help="weight of look, of an encoder that has it")
    wanted = parser.parse_args()
    first = whole = 0
    share = 0.0
    with Workspace() as ws:
        rows = ws.catalog.videos(wanted.library, outcome="indexed", limit=100_000)
        copies = {row.id: Path(row.path) for row in rows if fnmatch(Path(row.path).name, wanted.names)}
        filters = Filters(library=wanted.library, include_flagged=True)
        for video_id, path in copies.items():
            hits = find_similar(
                ws,
                ClipQuery(path=path),
                encoder_name=wanted.encoder,
                look=wanted.look,
                k=len(copies),
                filters=filters,
                one_per_video=True,
                every_file=True,
            ).hits
            others = [hit for hit in hits if hit.video_id != video_id][: len(copies) - 1]
            found = sum(hit.video_id in copies for hit in others)
            first += bool(others) and others[0].video_id in copies
            whole += found == len(copies) - 1
            share += found / (len(copies) - 1)
            if found < len(copies) - 1:
                print(f"{path.name}: {found} of {len(copies) - 1}; first other file {Path(others[0].path).name}")
    print(f"{first} of {len(copies)} find a copy first; {share / len(copies):.3f} of the nearest are copies; {whole} find all")


if __name__ == "__main__":
    main()
