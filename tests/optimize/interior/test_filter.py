"""The filter: progress in one of two, and never back."""

from thalweg.optimize.interior.filter import Filter


def test_progress_in_either_is_enough():
    filter = Filter(theta_most=10, theta_least=0)
    assert filter.accepts(1.0, 5.0, 1.0, 0.1, 0.5, 9.0)
    assert filter.accepts(1.0, 5.0, 1.0, 0.1, 1.5, 4.0)
    assert not filter.accepts(1.0, 5.0, 1.0, 0.1, 1.5, 5.5)


def test_what_was_left_is_forbidden():
    filter = Filter(theta_most=10)
    filter.add(1.0, 5.0)
    assert filter.forbids(1.0, 5.0) and filter.forbids(2.0, 6.0)
    assert not filter.forbids(0.9, 6.0) and not filter.forbids(2.0, 4.0)
    filter.clear()
    assert not filter.forbids(2.0, 6.0)


def test_too_much_infeasibility_is_always_forbidden():
    assert Filter(theta_most=10).forbids(10.5, -1e9)


def test_near_feasibility_the_barrier_function_itself_must_fall():
    filter = Filter(theta_most=10, theta_least=1e-3)
    theta, slope = 1e-6, -1.0
    assert filter.switches(theta, slope, 1.0)
    assert not filter.accepts(theta, 0.0, 1.0, slope, 0.0, 1e-9)  # feasible, but higher
    assert filter.accepts(theta, 0.0, 1.0, slope, 1e-7, -1e-3)
    filter.taken(theta, 0.0, 1.0, slope, -1e-3)
    assert not filter.entries
    filter.taken(theta, 0.0, 1.0, 1.0, 0.0)
    assert len(filter.entries) == 1


def test_entries_that_another_covers_are_dropped():
    filter = Filter()
    filter.add(2.0, 2.0)
    filter.add(1.0, 1.0)
    assert len(filter.entries) == 1


def test_a_search_gives_up_sooner_the_less_there_is_to_gain():
    filter = Filter(theta_least=1e-3)
    assert filter.shortest(1.0, 1.0) > filter.shortest(1.0, -1.0) > filter.shortest(1e-6, -1.0)


def test_a_slope_that_underflows_is_no_division_by_zero():
    filter = Filter(theta_most=1.0, theta_least=1.0)
    assert 0 < filter.shortest(1e-3, -1e-200) < 1
