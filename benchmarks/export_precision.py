"""What an encoder file is in fp32, fp16 and int8: megabytes, milliseconds a clip, and how near it stays to fp32.

    python benchmarks/export_precision.py app/encoders/default.onnx [--clips FOLDER]

All three in one run that takes turns between them, medians of nine rounds of four clips; calibrated on some clips, compared
on others (drawn ones without --clips); cosines are of what is left when the mean fp32 vector is subtracted. Nothing is written.
"""

import argparse
from pathlib import Path

from embedder.cores import num_cores
from pretrain.encoder_file import clip_sets, clip_spec, in_precision
from pretrain.encoder_weights import read_encoder
from pretrain.errors import ExportError
from pretrain.parity import Agreement, ms_per_clip
from pretrain.sample_clips import DrawnClips, FootageClips

COLUMNS = ("", "MB", "", "ms 1 thread", "", "ms all cores", "", "mean cosine", "lowest", "plain clips", "same top 10")


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("encoder", type=Path, help="an fp32 encoder file")
    parser.add_argument("--clips", type=Path, action="append", help="folder with footage; may be repeated")
    wanted = parser.parse_args()
    card, model = read_encoder(wanted.encoder)
    if card.precision != "fp32":
        parser.error(f"{wanted.encoder} is {card.precision}; give an fp32 file")
    clips = clip_sets(FootageClips(tuple(wanted.clips)) if wanted.clips else DrawnClips(), clip_spec(card))
    contents, agreements = {"fp32": model.SerializeToString()}, dict[str, Agreement]()
    for precision in ("fp16", "int8"):
        try:
            small, agreements[precision] = in_precision(model, precision, clips)
            contents[precision] = small.SerializeToString()
        except ExportError as error:
            print(f"{precision}: {error}")
    times = ms_per_clip(contents, clips.held_out, threads=(1, num_cores()))
    print(
        f"{card.name}: {card.backbone}, {card.num_frames} x {card.height_px} x {card.width_px}; calibrated on "
        f"{len(clips.calibration)}, compared on {len(clips.held_out)} {clips.words}; {num_cores()} cores"
    )
    rows = [_row(name, contents, times, agreements.get(name)) for name in contents]
    widths = [max(len(row[place]) for row in (COLUMNS, *rows)) for place in range(len(COLUMNS))]
    for row in (COLUMNS, *rows):
        print("  ".join(cell.rjust(width) for cell, width in zip(row, widths, strict=True)))


def _row(name: str, contents: dict[str, bytes], times: dict[str, list[float]], agreement: Agreement | None) -> tuple[str, ...]:
    cells = [name, f"{len(contents[name]) / 1e6:.2f}", f"x {len(contents['fp32']) / len(contents[name]):.1f}"]
    for before, after in zip(times["fp32"], times[name], strict=True):
        cells += [f"{after:.1f}", f"x {before / after:.2f}"]
    if agreement is None:
        return (*cells, "1", "1", "1", "100 %")
    cosines = (agreement.mean_cosine, agreement.min_cosine, agreement.plain_cosine)
    return (*cells, *(f"{cosine:.5f}" for cosine in cosines), f"{agreement.top10:.1%}")


if __name__ == "__main__":
    main()
