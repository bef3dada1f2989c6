"""`model.save(path)` and `load(path)`: a trained model in a file that holds numbers and texts, and no code.

The class is named by a word from `CLASSES` and nothing else can be made, so a file from a stranger can be looked at; a
file that is corrupt or says what no model of its class can be is refused with one `ArgumentError`.  To see that, a
model that was read is asked for the prediction of one row before it is handed out.

Training data are not in the file.  The verdict on the trained point, `solution_`, is, if it was looked at before.
"""

from __future__ import annotations

import importlib
import operator
import os
import warnings
from collections.abc import Mapping
from importlib.metadata import PackageNotFoundError, version
from typing import Any

import numpy as np
from sklearn.exceptions import NotFittedError
from sklearn.utils.validation import check_is_fitted

from thalweg.errors import ArgumentError

from . import container
from .packing import Packer, Unpacker, Unreadable

__all__ = ["CLASSES", "load", "save"]

FORMAT = "thalweg model"
VERSION = 1
WHAT = "model that thalweg has saved"
#: The models that may stand in a file, and where they are.  scikit-learn's are what `thalweg fit` puts around ours.
CLASSES = {
    "LinearRegression": "thalweg.models",
    "KMeans": "thalweg.models",
    "GaussianMixture": "thalweg.models",
    "NeuralNetworkClassifier": "thalweg.models",
    "NeuralNetworkRegressor": "thalweg.models",
    "Autoencoder": "thalweg.models",
    "Pipeline": "sklearn.pipeline",
    "StandardScaler": "sklearn.preprocessing",
    "TransformedTargetRegressor": "sklearn.compose",
}
#: Parameters that name files or folders outside of the model: they are not kept, and no file can set them.
OUTSIDE = ("memory", "checkpoint")
#: Attributes that belong to a fit and not to what was found.
PASSING = ("_sklearn_version", "_skl_callbacks", "_evidence", "_metadata_request")
LIBRARIES = ("thalweg", "numpy", "scipy", "scikit-learn")


def save(model: Any, path: str | os.PathLike[str]) -> None:
    """Write a fitted model into a file, whole or not at all.

    Training data are not written; nor are parameters that name places on this computer (`checkpoint`, and `memory` of a
    Pipeline), which are None in the loaded model.

    Parameters
    ----------
    model : estimator
        A fitted model of this package, or a scikit-learn Pipeline or TransformedTargetRegressor of these and
        StandardScaler.
    path : str or path
        An existing file is replaced when the new one is complete.

    Raises
    ------
    ArgumentError
        Where the model is not fitted, or holds what is no data: a function given as parameter, say.
    OSError
        Where the file cannot be written; what was there is untouched.
    """
    packer = Packer(_packed)
    tree = _packed(model, packer)
    if tree is None:
        raise ArgumentError(
            f"A {type(model).__name__} cannot be saved: a model file holds one of {', '.join(CLASSES)}, and no class "
            "derived from these."
        )
    try:
        check_is_fitted(model)
    except NotFittedError:
        raise ArgumentError(
            f"This {type(model).__name__} is not fitted: there is nothing to save before fit."
        ) from None
    header = {"format": FORMAT, "version": VERSION, "libraries": _libraries(), "content": tree}
    container.write(path, container.Content(header, packer.arrays))


def load(path: str | os.PathLike[str]) -> Any:
    """Read a model from a file that `save` made; no code of the file is run.

    Parameters
    ----------
    path : str or path

    Returns
    -------
    estimator
        It predicts what the saved one did, to the last bit where NumPy and its BLAS are the same.

    Raises
    ------
    ArgumentError
        Where the file is no such file, is damaged, or was written by a later version.
    OSError
        Where there is none, or it cannot be read.

    Examples
    --------
    >>> import tempfile, pathlib
    >>> from sklearn.preprocessing import StandardScaler
    >>> path = pathlib.Path(tempfile.mkdtemp()) / "scale.tw"
    >>> save(StandardScaler().fit([[1.0], [3.0]]), path)
    >>> load(path).transform([[5.0]])
    array([[3.]])
    """
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of numpy.lib.format, on headers that no NumPy of today writes
        content = container.read(path, WHAT)
    shown, header = os.fspath(path), content.header
    if header.get("format") != FORMAT:
        raise ArgumentError(f"{shown} is no {WHAT}.")
    if header.get("version") != VERSION:
        raise ArgumentError(
            f"{shown} was saved by another version of thalweg ({_versions(header)}): its format is "
            f"{str(header.get('version'))[:20]}, and this version reads {VERSION}."
        )
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            model = Unpacker(content.arrays, _unpacked).value(header.get("content"))
            _try(model, content.size)
    except Unreadable as error:
        raise ArgumentError(f"{shown} cannot be used: {error} (saved with {_versions(header)}).") from None
    except (Exception, RecursionError) as error:
        reason = " ".join(f"{type(error).__name__}: {error}".split())[:200]
        raise ArgumentError(
            f"{shown} is damaged, or no {WHAT}: what it holds does not work ({reason}; saved with {_versions(header)})."
        ) from None
    return model


def _libraries() -> dict[str, str]:
    found = {}
    for name in LIBRARIES:
        try:
            found[name] = version(name)
        except PackageNotFoundError:
            found[name] = "unknown"
    return found


def _versions(header: Mapping[str, Any]) -> str:
    libraries = header.get("libraries")
    if not isinstance(libraries, dict):
        return "unknown versions"
    return ", ".join(f"{name} {libraries[name]}"[:40] for name in LIBRARIES if name in libraries) or "unknown versions"


def _class(name: str) -> Any:
    return getattr(importlib.import_module(CLASSES[name]), name, None)


# --- a model as a tree, and back --------------------------------------------------------------------------------------


def _packed(model: Any, packer: Packer) -> dict[str, Any] | None:
    name = type(model).__name__
    if name not in CLASSES or type(model) is not _class(name):
        return None
    parameters = {k: None if k in OUTSIDE else v for k, v in model.get_params(deep=False).items()}
    attributes = {k: v for k, v in model.__getstate__().items() if k not in parameters and k not in PASSING}
    return {
        "model": name,
        "parameters": {k: packer.tree(v, f"{k} of {name}") for k, v in parameters.items()},
        "attributes": {k: packer.tree(v, f"{k} of {name}") for k, v in attributes.items()},
    }


def _unpacked(tree: Mapping[str, Any], unpacker: Unpacker, depth: int) -> Any:
    name, parameters, attributes = tree["model"], tree.get("parameters"), tree.get("attributes")
    cls = _class(name) if name in CLASSES else None
    if cls is None:
        raise Unreadable(f"it is a {name[:80]}, which is none of {', '.join(CLASSES)}")
    if not isinstance(parameters, dict) or not isinstance(attributes, dict):
        raise Unreadable(f"its {name} has no parameters or no attributes")
    known = cls._get_param_names()
    for word in parameters:
        if word not in known:
            raise Unreadable(f"its {name} has a parameter {word[:80]}, which this version does not know")
    for word in attributes:
        if not word.isidentifier() or word.startswith("__") or word in known or callable(getattr(cls, word, None)):
            raise Unreadable(f"its {name} has an attribute {word[:80]}, which no such model has")
    made = cls(**{k: unpacker.value(v, depth + 1) for k, v in parameters.items()})
    for outside in OUTSIDE:
        if getattr(made, outside, None) is not None:
            raise Unreadable(f"it sets {outside} of {name}, which no saved model does")
    made.__setstate__(vars(made) | {k: unpacker.value(v, depth + 1) for k, v in attributes.items()})
    return made


# --- is it what it says? ----------------------------------------------------------------------------------------------

#: What a model is asked for one row.
QUESTIONS = ("predict", "predict_proba", "transform", "score_samples")


def _try(model: Any, size: int) -> None:
    """Ask the model what it is for; a model that cannot answer is refused."""
    if not hasattr(model, "get_params"):
        raise Unreadable("what it holds is no model")
    if hasattr(model, "_parameter_constraints"):
        model._validate_params()
    check_is_fitted(model)
    features = operator.index(model.n_features_in_)
    if not 0 < features <= size:  # a model has a byte for each at least
        raise Unreadable(f"its number of features, {str(features)[:40]}, is not possible")
    names = getattr(model, "feature_names_in_", None)
    if names is not None and (np.shape(names) != (features,) or not all(type(name) is str for name in names)):
        raise Unreadable("its names of features do not fit")
    row, answered = np.zeros((1, features)), 0
    for question in QUESTIONS:
        if hasattr(model, question):
            if len(getattr(model, question)(row)) != 1:
                raise Unreadable(f"its {question} does not answer row by row")
            answered += 1
    if not answered:
        raise Unreadable("what it holds is no model")
    verdict = getattr(model, "_solution", None)
    if verdict is not None:
        str(verdict), verdict.to_dict()
