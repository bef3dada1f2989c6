"""A training that is killed: the file that was written after an epoch is read and goes on bit for bit."""

import numpy as np
import pytest
from sklearn.datasets import load_iris

from thalweg.models import load
from thalweg.models.network import NeuralNetworkClassifier, trainer

X, Y = load_iris(return_X_y=True)
pytestmark = pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")


class Killed(BaseException):
    pass


@pytest.mark.parametrize("settings", [{}, {"early_stopping": True}, {"dropout": 0.2}, {"batch_normalization": True}])
def test_a_killed_training_goes_on(settings, tmp_path, monkeypatch):
    settings = dict(hidden_layer_sizes=(8,), batch_size=40, max_iter=9, random_state=0, n_iter_no_change=50, **settings)
    whole = NeuralNetworkClassifier(**settings).fit(X, Y)
    epoch, epochs = trainer.Trainer.epoch, []

    def killed(self):
        epochs.append(self)
        if len(epochs) == 5:
            raise Killed
        return epoch(self)

    path = tmp_path / "network.tw"
    with monkeypatch.context() as patched:
        patched.setattr(trainer.Trainer, "epoch", killed)
        patched.setattr("thalweg.models.network.learner.SPARING", 0.0)  # after every epoch
        with pytest.raises(Killed):
            NeuralNetworkClassifier(checkpoint=path, **settings).fit(X, Y)
    model = load(path)
    assert model.n_iter_ == 4
    model.resume(X, Y)
    assert model.loss_curve_ == whole.loss_curve_
    for a, b in zip(model.coefs_, whole.coefs_):
        assert a.tobytes() == b.tobytes()


def test_the_file_at_the_end_is_the_model(tmp_path):
    path = tmp_path / "network.tw"
    model = NeuralNetworkClassifier((8,), max_iter=3, random_state=0, checkpoint=path).fit(X, Y)
    np.testing.assert_array_equal(load(path).predict_proba(X), model.predict_proba(X))
