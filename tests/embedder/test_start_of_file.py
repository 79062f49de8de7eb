"""Time counts from the start of the file, as players count it, whatever comes first in it and however it ends."""

import io
from fractions import Fraction
from pathlib import Path

import av
import numpy as np
import pytest
from PIL import Image

from embedder.clip_plan import ClipPlan, plan_clips
from embedder.clip_reader import read_clips
from embedder.frame_clock import FrameClock
from embedder.frame_grid import read_grid
from embedder.glance import glance
from embedder.preview import read_frame, write_preview
from embedder.query_reader import RangeEmpty, read_query
from embedder.video_file import open_video
from embedder.worker_messages import Clip, ClipsDone, ClipsJob, PictureSpec, QueryDone, QueryJob
from tests.helpers.counting_video import draw_counting_video, draw_late_video, number_in, number_picture

PICTURES = PictureSpec(num_frames=8, height_px=48, width_px=64, geometry="squash")
LATE_FORMATS = [
    ("late.mp4", None, "libx264"),
    ("late.mov", None, "libx264"),
    ("late.mkv", None, "libx264"),
    ("late.flv", None, "libx264"),
    ("late.ts", "mpegts", "mpeg2video"),
    ("late.mpg", "mpeg", "mpeg2video"),
]


def times_of(path: Path) -> tuple[list[float], tuple[str, ...], float]:
    """Times of all frames, warnings, and length."""
    with open_video(path) as video:
        times_s = [timed.time_s for timed in video.frames()]
        return times_s, video.warnings(), video.facts().duration_s


@pytest.mark.parametrize(("name", "container_format", "codec"), LATE_FORMATS, ids=[name for name, _, _ in LATE_FORMATS])
def test_picture_that_comes_after_its_sound(tmp_path: Path, name: str, container_format: str | None, codec: str) -> None:
    path = draw_late_video(tmp_path / name, picture_from_s=6.0, codec=codec, container_format=container_format)
    times_s, warnings, duration_s = times_of(path)
    assert (times_s[0], times_s[-1], duration_s) == pytest.approx((6.0, 7.96, 8.0), abs=0.03)
    assert warnings == ()
    with open_video(path) as video:
        assert video.stamped_length_s() == pytest.approx(8.0, abs=0.03)
    grid = read_grid(path, height_px=48, width_px=64)
    assert grid.facts.first_frame_s == times_s[0]
    assert [number_in(picture) for picture in grid.frames[:4]] == [0, 1, 3, 4]


def test_stamps_that_begin_at_hours_are_no_late_picture(tmp_path: Path) -> None:
    path = draw_late_video(
        tmp_path / "v.ts", picture_from_s=7202.0, sound_from_s=7200.0, codec="mpeg2video", container_format="mpegts"
    )
    times_s, warnings, duration_s = times_of(path)
    assert (times_s[0], duration_s, warnings) == (pytest.approx(2.0, abs=0.03), pytest.approx(4.0, abs=0.03), ())


def test_sound_that_comes_after_its_picture_moves_nothing(tmp_path: Path) -> None:
    times_s, warnings, duration_s = times_of(draw_late_video(tmp_path / "v.mkv", picture_from_s=0.0, sound_from_s=1.0))
    assert (times_s[0], duration_s, warnings) == (0.0, pytest.approx(2.0), ())


@pytest.mark.parametrize(("name", "container_format"), [("v.mkv", "matroska"), ("v.ts", "mpegts")])
def test_sound_that_warms_its_decoder_up_before_0_moves_nothing(tmp_path: Path, name: str, container_format: str) -> None:
    """One packet of AAC before the picture, which nobody hears, in formats that say so by its time stamp alone."""
    late = draw_late_video(tmp_path / "from_0.mp4", picture_from_s=0.0)
    path = tmp_path / name
    with (
        av.open(str(late)) as given,
        av.open(f"file:{path}", "w", format=container_format, options={"avoid_negative_ts": "disabled"}) as container,
    ):
        raw = io.BytesIO()
        with av.open(raw, "w", format="adts") as bare:  # without a word on how much of it is for warming up
            copied = bare.add_stream_from_template(given.streams.audio[0])
            for packet in given.demux(given.streams.audio[0]):
                if packet.size:
                    packet.stream = copied
                    bare.mux(packet)
        raw.seek(0)
        with av.open(raw) as bare:
            sound = container.add_stream_from_template(bare.streams.audio[0])
            heard = [packet for packet in bare.demux() if packet.size]
        picture = container.add_stream("libx264", rate=25, options={"preset": "ultrafast"})
        picture.width, picture.height, picture.pix_fmt = 96, 72, "yuv420p"
        seen = []
        for number in range(50):
            frame = av.VideoFrame.from_ndarray(number_picture(number, 96, 72), format="rgb24")
            frame.pts, frame.time_base = number, Fraction(1, 25)
            seen += picture.encode(frame)
        seen += picture.encode()
        for number, packet in enumerate(heard):
            packet.stream, packet.time_base = sound, Fraction(1, 48_000)
            packet.pts = packet.dts = 1024 * (number - 1)
        for packet in sorted([*seen, *heard], key=lambda packet: (packet.dts or 0) * (packet.time_base or 0)):
            container.mux(packet)
    with av.open(str(path)) as container:
        assert container.start_time < 0
    assert times_of(path)[0][:3] == pytest.approx([0.0, 0.04, 0.08], abs=0.001)


@pytest.mark.parametrize("codec", ["libx264", "mpeg2video"])
def test_broadcast_tuned_in_between_two_key_frames(tmp_path: Path, codec: str) -> None:
    whole = draw_late_video(
        tmp_path / "whole.ts", picture_from_s=0.0, num_frames=150, codec=codec, container_format="mpegts", gop=50
    ).read_bytes()
    tuned = tmp_path / "tuned.ts"
    tuned.write_bytes(whole[len(whole) // 188 // 5 * 188 :])
    with av.open(str(tuned)) as container:
        # How players count: from the earliest time stamp of the sound and the picture.
        lasts_s, begins_s = (container.duration or 0) / av.time_base, container.start_time / av.time_base
        stream = container.streams.video[0]
        first = next(frame for frame in container.decode(stream))
        first_s = float(first.pts * first.time_base) - begins_s if first.pts is not None and first.time_base is not None else -1.0
    times_s, warnings, duration_s = times_of(tuned)
    assert times_s[0] == pytest.approx(first_s, abs=0.001)
    assert times_s[0] > 0.3
    assert duration_s == pytest.approx(lasts_s, abs=0.03)
    assert not any("damaged" in warning for warning in warnings), warnings


def test_clips__are_those_of_the_same_picture_without_the_wait(tmp_path: Path) -> None:
    plan = ClipPlan((1.0, 2.0))
    late = draw_late_video(tmp_path / "late.mp4", picture_from_s=6.0, num_frames=90)
    at_once = draw_late_video(tmp_path / "at_once.mp4", picture_from_s=0.0, num_frames=90)

    def clips(path: Path) -> tuple[list[Clip], ClipsDone]:
        replies = list(read_clips(ClipsJob(path=path, plan=plan, pictures=PICTURES)))
        done = replies[-1]
        assert isinstance(done, ClipsDone)
        return [reply for reply in replies if isinstance(reply, Clip)], done

    moved, done = clips(late)
    plain, _ = clips(at_once)
    assert done.facts.duration_s == pytest.approx(9.6, abs=0.01)
    assert [clip.span_s for clip in moved] == [pytest.approx((a + 6, b + 6)) for a, b in (clip.span_s for clip in plain)]
    assert len(moved) == len(plan_clips(3.6, plan))
    for one, other in zip(moved, plain, strict=True):
        assert one.pixels is not None and other.pixels is not None
        assert np.array_equal(one.pixels, other.pixels)


def test_one_picture_off_the_grid_after_its_sound_gives_a_clip(tmp_path: Path) -> None:
    path = draw_late_video(tmp_path / "v.mkv", picture_from_s=6.08, num_frames=1)
    *clips, done = read_clips(ClipsJob(path=path, plan=ClipPlan((1.0,)), pictures=PICTURES))
    assert isinstance(done, ClipsDone)
    assert len(clips) == 1
    assert isinstance(clips[0], Clip)
    assert clips[0].thumbnail == 0


def test_query__ranges_are_given_in_the_same_seconds(tmp_path: Path) -> None:
    path = draw_late_video(tmp_path / "v.mp4", picture_from_s=6.0, num_frames=75)

    def job(start_s: float, end_s: float | None) -> QueryJob:
        return QueryJob(path=path, start_s=start_s, end_s=end_s, spans_s=(1.0, 2.0), pictures=PICTURES, max_s=300.0)

    *replies, done = read_query(job(7.0, 8.0))
    first = next(reply for reply in replies if isinstance(reply, Clip))
    assert isinstance(done, QueryDone)
    assert first.pixels is not None
    assert number_in(first.pixels[0]) == pytest.approx(25, abs=2)
    assert (done.begin_s, done.duration_s) == (7.0, 1.0)
    *_, done = read_query(job(0.0, None))
    assert isinstance(done, QueryDone)
    assert (done.begin_s, done.duration_s) == pytest.approx((6.0, 3.0))
    with pytest.raises(RangeEmpty, match=r"nothing before 6\.00 s"):
        list(read_query(job(1.0, 5.0)))


def test_frames_from__seeks_by_the_same_seconds(tmp_path: Path) -> None:
    path = draw_late_video(tmp_path / "v.mp4", picture_from_s=6.0, num_frames=25 * 40, gop=50)
    with open_video(path) as video:
        frames = video.frames_from(36.0)
        assert frames is not None
        found = [(round(timed.time_s, 3), number_in(timed.frame.to_ndarray(format="rgb24"))) for timed in frames]
    assert 30.0 < found[0][0] <= 36.0
    assert all(time_s == pytest.approx(6 + number / 25, abs=0.002) for time_s, number in found)


def test_pictures__are_those_on_screen_at_the_same_seconds(tmp_path: Path) -> None:
    path = draw_late_video(tmp_path / "v.mp4", picture_from_s=6.0, num_frames=100)
    for at_s, number in ((2.0, 0), (7.02, 25), (9.02, 75)):
        assert number_in(np.asarray(Image.open(io.BytesIO(read_frame(path, at_s, 96))))) == number
    assert glance(path, num_pictures=2).length_s == pytest.approx(10.0, abs=0.03)
    write_preview(path, 7.02, 8.02, tmp_path / "p.mp4")
    with av.open(str(tmp_path / "p.mp4")) as container:
        assert number_in(next(container.decode(video=0)).to_ndarray(format="rgb24")) == 25


def draw_standing(path: Path, last_for_s: float) -> Path:
    """Twenty-five frames in the first second, the last of which stands for longer."""
    with av.open(f"file:{path}", "w") as container:
        stream = container.add_stream("libx264", rate=25, options={"preset": "ultrafast", "crf": "16"})
        stream.width, stream.height, stream.pix_fmt = 96, 72, "yuv420p"
        packets = []
        for number in range(25):
            frame = av.VideoFrame.from_ndarray(number_picture(number, 96, 72), format="rgb24")
            frame.pts, frame.time_base = number, Fraction(1, 25)
            packets += stream.encode(frame)
        packets += stream.encode()
        for packet in packets:
            assert packet.time_base is not None
            packet.duration = round((last_for_s if packet is packets[-1] else 0.04) / packet.time_base)
            container.mux(packet)
    return path


@pytest.mark.parametrize("name", ["v.mp4", "v.mkv", "v.mov"])
def test_last_frame_stands_as_long_as_the_file_says(tmp_path: Path, name: str) -> None:
    path = draw_standing(tmp_path / name, 6.04)
    times_s, warnings, duration_s = times_of(path)
    assert (times_s[-1], duration_s, warnings) == (pytest.approx(0.96), pytest.approx(7.0, abs=0.01), ())
    assert glance(path, num_pictures=1).length_s == pytest.approx(7.0, abs=0.01)
    *clips, _ = read_clips(ClipsJob(path=path, plan=ClipPlan((1.0, 8.0)), pictures=PICTURES))
    assert max(clip.span_s[1] for clip in clips if isinstance(clip, Clip)) == pytest.approx(7.0, abs=0.01)


def test_stamps_that_begin_late_promise_no_more_than_is_there(tmp_path: Path) -> None:
    """Matroska's lengths count from 0, whatever the first time stamp."""
    path = draw_counting_video(tmp_path / "v.mkv", times_s=[100 + number / 25 for number in range(50)])
    times_s, warnings, duration_s = times_of(path)
    assert (times_s[0], duration_s, warnings) == (0.0, pytest.approx(2.0, abs=0.01), ())


@pytest.mark.parametrize("sound_lasts_s", [1.2, 7.0])
def test_last_frame_stands_while_the_sound_goes_on(tmp_path: Path, sound_lasts_s: float) -> None:
    """Browsers record screens as WebM that says nothing of lengths, and without frames while nothing happens."""
    path = tmp_path / "v.webm"
    with av.open(f"file:{path}", "w", options={"live": "1"}) as container:
        sound = container.add_stream("libopus", rate=48_000, layout="mono")
        stream = container.add_stream("libvpx", rate=25)
        stream.width, stream.height, stream.pix_fmt = 96, 72, "yuv420p"
        for number in range(round(sound_lasts_s * 25)):
            if number < 25:
                frame = av.VideoFrame.from_ndarray(number_picture(number, 96, 72), format="rgb24")
                frame.pts, frame.time_base = number, Fraction(1, 25)
                container.mux(stream.encode(frame))
            if number == 25:
                container.mux(stream.encode())
            silence = av.AudioFrame.from_ndarray(np.zeros((1, 1920), np.int16), format="s16", layout="mono")
            silence.sample_rate, silence.pts, silence.time_base = 48_000, number * 1920, Fraction(1, 48_000)
            container.mux(sound.encode(silence))
        container.mux(sound.encode())
    times_s, warnings, duration_s = times_of(path)
    assert (times_s[-1], warnings) == (pytest.approx(0.96, abs=0.01), ())
    assert duration_s == pytest.approx(7.0 if sound_lasts_s > 2 else 1.0, abs=0.05)


def test_frames_that_are_missing_do_not_stand(tmp_path: Path) -> None:
    """A file that was cut off promises a length, too."""
    whole = draw_counting_video(tmp_path / "whole.mkv", num_frames=150)
    cut = tmp_path / "cut.mkv"
    cut.write_bytes(whole.read_bytes()[: whole.stat().st_size // 2])
    _, warnings, duration_s = times_of(cut)
    assert duration_s < 4
    assert any("its header promises" in warning for warning in warnings)


@pytest.mark.parametrize(
    ("origin", "stamps", "wanted"),
    [
        (0, [6000, 6040, 6080], [6, 6.04, 6.08]),
        (-500, [-500, -460], [0, 0.04]),
        (-20, [0, 40], [0.02, 0.06]),
        (100, [20, 60, 100], [0, 0.04, 0.08]),  # pictures before the start of the file: the first of them is the start
        (0, [None, None, 80], [0, 0.04, 0.08]),
        (0, [9_000_000, 40, 80], [0, 0.04, 0.08]),  # the first stamp is damaged, as the second shows
        (0, [200_000_000, 200_000_040], [0, 0.04]),  # days late: no picture comes so late
        (0, [6000], [6]),
    ],
)
def test_clock__with_the_start_of_the_file(origin: int, stamps: list[int | None], wanted: list[float]) -> None:
    clock = FrameClock(Fraction(1, 1000), 25.0, origin)
    assert [round(time_s, 4) for time_s, _ in clock.timed(range(len(stamps)), lambda n: stamps[n])] == wanted
