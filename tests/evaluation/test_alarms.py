"""False alarms and timeliness, by hand."""

from __future__ import annotations

import math

import numpy as np
import pytest

from csre_ros.evaluation import Interval, JudgedStream, Report, match
from csre_ros.evaluation.alarms import covered, false_activations_per_minute, unheard_per_minute
from csre_ros.evaluation.timeliness import delays, median, start_errors, times_to_first_right_label


def test_only_a_word_that_is_not_even_near_is_unheard(by_hand: JudgedStream) -> None:
    # The push, in 16 seconds; all others touch a truth of their own label.
    assert unheard_per_minute([by_hand]) == pytest.approx(60 / 16)
    late = JudgedStream("late", 0, 60, (Interval("wave", 0, 2),), (Report("wave", 2.5, 4, 3), Report("wave", 3, 4, 3)))
    assert unheard_per_minute([late]) == pytest.approx(1.0)
    assert unheard_per_minute([by_hand, late]) == pytest.approx(2 / 76 * 60)
    assert math.isnan(unheard_per_minute([]))


def test_false_activations_are_decided_while_nothing_is_done(by_hand: JudgedStream) -> None:
    """Nothing is done for 16 - 4 - 2 - 2 - 1 = 7 seconds; only the push is decided in them and wrong, at 7.5."""
    assert covered(by_hand) == pytest.approx(9.0)
    matchings = [match(by_hand.truth, by_hand.reports)]
    assert false_activations_per_minute([by_hand], matchings) == pytest.approx(60 / 7)


def test_a_right_report_is_no_false_activation_however_late() -> None:
    stream = JudgedStream("late", 0, 10, (Interval("wave", 0, 4),), (Report("wave", 1, 5, decided=4.5),))
    assert false_activations_per_minute([stream], [match(stream.truth, stream.reports)]) == 0.0


def test_time_that_truths_share_counts_once() -> None:
    truth = (Interval("wave", -1, 4), Interval("clap", 2, 3), Interval("kick", 3.5, 6), Interval("kick", 9, 12))
    assert covered(JudgedStream("overlapping", 0, 10, truth, ())) == pytest.approx(7.0)


def test_delays_and_start_errors_by_hand(by_hand: JudgedStream) -> None:
    matchings = [match(by_hand.truth, by_hand.reports)]
    np.testing.assert_allclose(delays(matchings), [1.5, 0.4])
    np.testing.assert_allclose(start_errors(matchings), [1.0, 0.0])
    # wave after 1.5 s; clap, though its report is too long, after 1 s; wave after 0.4 s; kick never
    np.testing.assert_allclose(times_to_first_right_label([by_hand]), [1.5, 1.0, 0.4, np.inf])


def test_a_word_already_told_is_told_at_once() -> None:
    stream = JudgedStream(
        "early", 0, 9, (Interval("wave", 2, 4),), (Report("wave", 1, 3, 1.2), Report("wave", 3, 4, 3))
    )
    np.testing.assert_allclose(times_to_first_right_label([stream]), [0.0])


def test_medians() -> None:
    assert median(np.array([1.5, 1.0, 0.4, np.inf])) == 1.25
    assert median(np.array([1.0, np.inf, np.inf])) == np.inf
    assert math.isnan(median(np.array([])))
