"""Where a training's time goes, on a clock that the test turns."""

import pytest
import torch

from pretrain import log_window
from pretrain.log_window import LogWindow
from pretrain.train_step import Stepped


class Clock:
    """Stands still until it is turned."""

    def __init__(self) -> None:
        self.now_s = 100.0

    def perf_counter(self) -> float:
        return self.now_s


def stepped(loss: float = 1.0) -> Stepped:
    """Of four examples of two clips each, as one task, and of four of one clip, as another."""
    features = {"pairs": torch.zeros(4, 2, 3), "single": torch.zeros(4, 1, 3)}
    return Stepped(loss=loss, scalars={"loss": torch.tensor(loss)}, features=features)


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    made = Clock()
    monkeypatch.setattr(log_window, "time", made)
    return made


def test_rates__clips_are_counted_and_what_comes_between_steps_takes_time_but_no_rate(clock: Clock) -> None:
    window = LogWindow(accumulate=2)
    for _ in range(2):  # two windows of four steps; each step takes a second, half of which it waits, and each window's end four
        for _ in range(4):
            window.before_data()
            clock.now_s += 0.5
            window.after_data()
            clock.now_s += 0.5
            window.add(stepped())
        rates = window.close()
        assert rates == window.last
        assert window.clips_per_step == 2 * 4 * 3
        assert rates.clips_per_s == pytest.approx(24)
        assert rates.data_wait == pytest.approx(0.5)
        with window.aside():
            clock.now_s += 4
        window.start()
    assert rates.step_s == pytest.approx(1 + 4 / 8)  # the first end is known by now, over eight steps
    with window.aside():
        clock.now_s += 100  # saved within a window
    clock.now_s += 1
    window.add(stepped())
    assert window.rates().clips_per_s == pytest.approx(24)


def test_kept__a_window_goes_on_where_it_was(clock: Clock) -> None:
    whole, broken, resumed = LogWindow(1), LogWindow(1), LogWindow(1)
    for number in range(3):
        whole.add(stepped(number))
        (broken if number < 2 else resumed).add(stepped(number))
        if number == 1:
            resumed.restore(broken.kept())
    clock.now_s += 1
    device = torch.device("cpu")
    assert resumed.averages(device) == whole.averages(device) == {"loss": 1.0}
    assert {name: len(rows) for name, rows in resumed.features(device).items()} == {"pairs": 12, "single": 12}
    assert resumed.rates().clips_per_s == pytest.approx(12)  # only what was done since
