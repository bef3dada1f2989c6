"""A line on how far a fit is, told now and then."""

from types import SimpleNamespace

import pytest

from thalweg.cli import progress
from thalweg.cli.progress import Progress, line


def test_lines():
    assert line("epoch", 12, 24, None) == "━" * 12 + " " * 12 + " epoch 12 of 24"
    assert line("epoch", 30, 24, None) == "━" * 24 + " epoch 30 of 24"
    assert line("iteration", 3, None, None) == "iteration 3"
    assert line("epoch", 1, None, SimpleNamespace(loss_curve_=[2.0, 1 / 3])) == "epoch 1, loss 0.333333"


def test_it_is_told_now_and_then(monkeypatch):
    told, now = [], [0.0]
    monkeypatch.setattr(progress.time, "monotonic", lambda: now[0])
    watching = Progress(told.append)
    root = SimpleNamespace(parent=None, max_subtasks=100, task_name="fit")
    watching.setup(None, root)
    for _ in range(10):
        now[0] += 0.04
        epoch = SimpleNamespace(parent=root, max_subtasks=0, task_name="epoch")
        watching.on_fit_task_begin(None, epoch)
        watching.on_fit_task_end(None, epoch)
    watching.on_fit_task_end(None, root)
    watching.teardown(None, root)
    assert [text.split("epoch ")[1] for text in told] == ["3 of 100", "6 of 100", "9 of 100"]


def test_scikit_learn_takes_it_for_a_callback():
    callback = pytest.importorskip("sklearn.callback")
    from thalweg.models import KMeans

    told = []
    watching = Progress(told.append)
    watching._told = -1.0
    KMeans(2, random_state=0).set_callbacks(watching).fit([[0.0], [1.0], [5.0], [6.0]])
    assert watching._done >= 1 and told and callback
