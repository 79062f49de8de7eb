import numpy as np
import pytest

from embedder.clip_plan import GRID_HZ, ClipPlan, plan_clips, plan_query, sample_slots
from embedder.clip_windows import ClipWindows

PYRAMID = ClipPlan((2.0, 4.0, 8.0))


def spans(duration_s: float, plan: ClipPlan = PYRAMID) -> list[tuple[float, float]]:
    return [(round(a, 6), round(b, 6)) for a, b in plan_clips(duration_s, plan)]


@pytest.mark.parametrize(
    ("duration_s", "wanted"),
    [
        (0.04, [(0, 0.04)]),
        (1.5, [(0, 1.5)]),
        (1.97, [(0, 1.97)]),  # as good as 2 s, but no window of 2 s fits
        (2.0, [(0, 2)]),  # the window is the whole, which is not made twice
        (2.03, [(0, 2)]),
        (2.5, [(0, 2), (0.5, 2.5), (0, 2.5)]),  # a last window ends with the video
        (3.0, [(0, 2), (1, 3), (0, 3)]),
        (4.0, [(0, 2), (1, 3), (2, 4), (0, 4)]),
        (8.0, [*((k, k + 2) for k in range(7)), (0, 4), (2, 6), (4, 8), (0, 8)]),
        (9.0, [*((k, k + 2) for k in range(8)), (0, 4), (2, 6), (4, 8), (5, 9), (0, 8), (1, 9)]),
    ],
)
def test_plan_clips(duration_s: float, wanted: list[tuple[float, float]]) -> None:
    assert spans(duration_s) == wanted


def test_plan_clips__hop_of_one_is_side_by_side() -> None:
    assert spans(6.0, ClipPlan((2.0,), hop=1.0)) == [(0, 2), (2, 4), (4, 6)]


@pytest.mark.parametrize("duration_s", np.random.default_rng(1).uniform(0.02, 40, 60))
def test_plan_clips__covers_the_video_and_stays_inside(duration_s: float) -> None:
    clips = plan_clips(duration_s, PYRAMID)
    assert clips[:, 0].min() >= 0
    assert clips[:, 1].max() <= duration_s + 1e-6
    seconds = np.linspace(0, duration_s, 500, endpoint=False)
    seen = ((clips[:, :1] <= seconds) & (seconds < clips[:, 1:])).any(axis=0)
    assert seen[seconds < duration_s - 0.17].all()
    assert len(np.unique(clips, axis=0)) == len(clips)


@pytest.mark.parametrize("bad", [0.0, -1.0, float("nan"), float("inf")])
def test_plan_clips__refuses_impossible_durations(bad: float) -> None:
    with pytest.raises(ValueError, match="duration_s"):
        plan_clips(bad, PYRAMID)


@pytest.mark.parametrize("bad", [(), (0.0,), (2.0, 2.0), (4.0, 2.0), (float("nan"),)])
def test_clip_plan__refuses_impossible_spans(bad: tuple[float, ...]) -> None:
    with pytest.raises(ValueError, match="spans_s"):
        ClipPlan(bad)


@pytest.mark.parametrize("bad", [0.0, -0.5, 1.5])
def test_clip_plan__refuses_impossible_hops(bad: float) -> None:
    with pytest.raises(ValueError, match="hop"):
        ClipPlan((2.0,), hop=bad)


@pytest.mark.parametrize(
    ("duration_s", "whole", "lengths"),
    [
        (1.0, 0, {1.0: 1}),
        (2.4, 0, {2.4: 1}),  # under 1.25 * 2 s: only itself
        (2.5, 0, {2.5: 1, 2.0: 3}),  # an eighth of the length apart
        (10.0, 0, {10.0: 1, 2.0: 33, 4.0: 13, 8.0: 3}),
        (12.0, None, {2.0: 21, 4.0: 9, 8.0: 3}),  # too long for one clip
    ],
)
def test_plan_query(duration_s: float, whole: int | None, lengths: dict[float, int]) -> None:
    plan = plan_query(duration_s, (2.0, 4.0, 8.0))
    assert plan.whole == whole
    spans = plan.spans_s[plan.dense] if whole is None else np.vstack([plan.spans_s[whole], plan.spans_s[plan.dense]])
    found, counts = np.unique((spans[:, 1] - spans[:, 0]).round(6), return_counts=True)
    assert dict(zip(found.tolist(), counts.tolist(), strict=True)) == lengths
    if whole is not None:
        assert plan.spans_s[whole].tolist() == [0, duration_s]


@pytest.mark.parametrize("duration_s", [1.0, 2.3, 2.9, 7.2, 9.5])
def test_plan_query__parts_are_what_an_index_makes_of_the_same_seconds(duration_s: float) -> None:
    plan = plan_query(duration_s, (2.0, 4.0, 8.0))
    parts = {tuple(span) for span in plan.spans_s[plan.parts].round(6).tolist()}
    indexed = {tuple(span) for span in plan_clips(duration_s, ClipPlan((2.0, 4.0, 8.0))).round(6).tolist()}
    assert parts == indexed | {(0.0, duration_s)}


def test_plan_query__a_long_query_has_no_parts() -> None:
    assert len(plan_query(12.0, (2.0, 4.0, 8.0)).parts) == 0


def test_plan_query__windows_lie_a_quarter_apart() -> None:
    windows = plan_query(12.0, (2.0, 4.0, 8.0)).spans_s
    for span_s in (2.0, 4.0, 8.0):
        starts = windows[np.isclose(windows[:, 1] - windows[:, 0], span_s), 0]
        assert np.allclose(np.diff(starts), span_s / 4)


def test_sample_slots__middles_of_equal_parts() -> None:
    assert sample_slots(0.0, 2.0, 4).tolist() == [4, 12, 20, 28]
    assert sample_slots(1.0, 3.0, 4).tolist() == [20, 28, 36, 44]


@pytest.mark.parametrize("num_frames", [1, 7, 16, 32])
def test_sample_slots__ascending_and_nearest(num_frames: int) -> None:
    for start_s, end_s in np.random.default_rng(2).uniform(0.05, 9, (50, 2)).cumsum(axis=1):
        slots = sample_slots(start_s, end_s, num_frames)
        middles = start_s + (np.arange(num_frames) + 0.5) / num_frames * (end_s - start_s)
        assert (np.diff(slots) >= 0).all()
        assert np.abs(slots / GRID_HZ - middles).max() <= 0.5 / GRID_HZ + 1e-6


def test_sample_slots__ties_do_not_depend_on_rounding() -> None:
    assert sample_slots(0.1 + 0.2, 1.3, 16).tolist() == sample_slots(0.3, 1.3, 16).tolist()


def streamed(times_s: list[float], end_s: float, plan: ClipPlan, num_frames: int = 8) -> list[tuple[float, float]]:
    windows = ClipWindows(plan, num_frames)
    made = []
    for time_s, until_s in zip(times_s, [*times_s[1:], end_s], strict=True):
        windows.frame_at(time_s)
        made += windows.ready(until_s, int(np.ceil(until_s * GRID_HZ)))
    return made + windows.closing(end_s)


@pytest.mark.parametrize("hop", [0.25, 0.3, 0.5, 1.0])
@pytest.mark.parametrize("duration_s", [0.04, 0.9, 2.0, 3.3, 7.96, 8.04, 21.28])
def test_streamed_windows_are_those_of_the_plan(duration_s: float, hop: float) -> None:
    plan = ClipPlan((2.0, 4.0, 8.0), hop)
    times_s = [k / 25 for k in range(round(duration_s * 25))]
    made = streamed(times_s, duration_s, plan)
    assert sorted(made) == [tuple(span) for span in sorted(plan_clips(duration_s, plan).tolist())]


def test_streamed_windows__none_inside_a_hole() -> None:
    times_s = [k / 25 for k in range(100)] + [86_400 + k / 25 for k in range(100)]
    made = streamed(times_s, 86_404.0, PYRAMID)
    assert 10 < len(made) < 40
    assert all(any(a <= t < b for t in times_s) for a, b in made)


def test_streamed_windows__slide_show_gives_only_windows_with_a_new_picture() -> None:
    made = streamed([0.0, 10.0, 20.0], 30.0, ClipPlan((2.0,), hop=1.0))
    assert made == [(0.0, 2.0), (10.0, 12.0), (20.0, 22.0)]
