"""Neural networks beside scikit-learn's and PyTorch's: digits, a data set of the size of MNIST, and iris."""

from __future__ import annotations

import warnings
from typing import Any

import numpy as np

from benchmarks.models import Case

__all__ = ["CASES"]

#: Passes over the large data set.
EPOCHS = 3


def digits() -> tuple[np.ndarray, ...]:
    from sklearn.datasets import load_digits
    from sklearn.model_selection import train_test_split

    X, y = load_digits(return_X_y=True)
    X_train, X_test, y_train, y_test = train_test_split(X / 16, y, random_state=0)
    return X_train, y_train, X_test, y_test


def images() -> tuple[np.ndarray, ...]:
    """60 000 rows of 784 numbers in 10 classes, which a network of random weights has told apart."""
    rng = np.random.default_rng(0)
    X = rng.normal(size=(60_000, 784)).astype(np.float32)
    teacher = np.maximum(X @ rng.normal(0, 784**-0.5, (784, 32)).astype(np.float32), 0)
    return X, np.argmax(teacher @ rng.normal(size=(32, 10)).astype(np.float32), axis=1)


def iris() -> tuple[np.ndarray, ...]:
    from sklearn.datasets import load_iris

    return load_iris(return_X_y=True)


def trained(model: Any, data: tuple[np.ndarray, ...]) -> Any:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of limits that are reached
        return model.fit(*data[:2])


def ours_digits(*data: np.ndarray) -> Any:
    from thalweg.models.network import NeuralNetworkClassifier

    return trained(NeuralNetworkClassifier(max_iter=50, random_state=0), data)


def theirs_digits(*data: np.ndarray) -> Any:
    from sklearn.neural_network import MLPClassifier

    return trained(MLPClassifier(max_iter=50, random_state=0), data)


def ours_iris(*data: np.ndarray) -> Any:
    from thalweg.models.network import NeuralNetworkClassifier

    return trained(NeuralNetworkClassifier(random_state=0), data)


def theirs_iris(*data: np.ndarray) -> Any:
    from sklearn.neural_network import MLPClassifier

    return trained(MLPClassifier(random_state=0), data)


def ours_by_batches(*data: np.ndarray) -> Any:
    from thalweg.models.network import NeuralNetworkClassifier

    return trained(NeuralNetworkClassifier((256,), batch_size=128, alpha=0, max_iter=EPOCHS, random_state=0), data)


def by_loader(rows: Any, labels: Any) -> Any:
    """Batches of PyTorch as its tutorials make them."""
    from torch.utils.data import DataLoader, TensorDataset

    return DataLoader(TensorDataset(rows, labels), batch_size=128, shuffle=True)


def by_index(rows: Any, labels: Any) -> Any:
    """Batches of PyTorch by hand, which are quicker."""
    import torch

    return ((rows[chosen], labels[chosen]) for chosen in torch.randperm(len(rows)).split(128))


def trained_by_pytorch(X: np.ndarray, y: np.ndarray, batches: Any) -> Any:
    import torch
    from torch import nn

    torch.manual_seed(0)
    net = nn.Sequential(nn.Linear(784, 256), nn.ReLU(), nn.Linear(256, 10))
    optimizer, loss = torch.optim.Adam(net.parameters()), nn.CrossEntropyLoss()
    rows, labels = torch.from_numpy(X), torch.from_numpy(y)
    for _ in range(EPOCHS):
        for a, b in batches(rows, labels):
            optimizer.zero_grad()
            loss(net(a), b).backward()
            optimizer.step()
    return net


def pytorch(X: np.ndarray, y: np.ndarray) -> Any:
    import torch  # noqa: F401  (before the clock starts)

    return trained_by_pytorch(X, y, by_loader)


def pytorch_by_index(X: np.ndarray, y: np.ndarray) -> Any:
    import torch  # noqa: F401

    return trained_by_pytorch(X, y, by_index)


def mistakes(fitted: Any, *data: np.ndarray) -> float:
    """The part of the rows that were not learnt from which comes out wrong."""
    return 1.0 - float(fitted.score(*data[2:]))


def training_loss(fitted: Any, *data: np.ndarray) -> float:
    """The mean cross-entropy of the rows that were learnt from."""
    X, y = data[0][:10_000], data[1][:10_000]
    if hasattr(fitted, "predict_proba"):
        log_p = np.log(fitted.predict_proba(X))
    else:
        import torch

        with torch.no_grad():
            log_p = torch.log_softmax(fitted(torch.from_numpy(X)), 1).numpy()
    return -float(np.mean(log_p[np.arange(len(y)), y]))


CASES = [
    Case(
        "network 64-100-10, digits, 50 epochs",
        "scikit-learn",
        digits,
        ours_digits,
        theirs_digits,
        mistakes,
        0.5,
    ),
    Case(
        f"network 784-256-10, 60 000 rows, batches of 128, {EPOCHS} epochs (DataLoader)",
        "PyTorch",
        images,
        ours_by_batches,
        pytorch,
        training_loss,
        0.7,
        slack=0.02,  # other random numbers
    ),
    Case(
        f"network 784-256-10, 60 000 rows, batches of 128, {EPOCHS} epochs (batches by index)",
        "PyTorch",
        images,
        ours_by_batches,
        pytorch_by_index,
        training_loss,
        0.7,
        slack=0.02,
    ),
    Case("network 4-100-3, iris", "scikit-learn", iris, ours_iris, theirs_iris, training_loss, 3.0, slack=0.01),
]
