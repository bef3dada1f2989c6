r"""The course of a training: epochs, when it ends, what is remembered, and how it goes on.

It ends where for `n_iter_no_change` epochs the loss has not fallen by `tol` (with early stopping: the score of the rows
that were set aside has not risen by it), after `max_iter` epochs, or from the keyboard.  With ``learning_rate=
"adaptive"`` the rate is divided by 5 instead, until it is below 10⁻⁶.

After every epoch all that the rest of the training depends on lies in plain attributes (`_training`), so a model that
was interrupted, or saved and loaded, goes on with `resume` as if nothing had happened.

References
----------
Prechelt, *Early stopping, but when?* (1998).
"""

from __future__ import annotations

import warnings
from collections.abc import Callable
from copy import copy
from time import perf_counter
from typing import Any

import numpy as np
from sklearn.base import BaseEstimator
from sklearn.exceptions import ConvergenceWarning
from sklearn.utils.validation import check_is_fitted

from thalweg.errors import ArgumentError
from thalweg.models.callbacks import CallbackSupport, Watch
from thalweg.models.trained import Evidence, Trained
from thalweg.optimize.schedules import Cosine, Schedule
from thalweg.optimize.stochastic import SGD, Adam

from . import lbfgs
from .flat import Flat
from .gradient import Gradient
from .trainer import Diverged, Trainer

__all__ = ["Learner"]

#: What belongs to a fit that is running, and not to the model.
PASSING = ("_skl_callbacks", "_callback_fit_ctx", "_skl_callbacks_to_teardown", "_parent_callback_ctx", "_evidence")
#: Seconds that the verdict on a trained point may take.
VERDICT = 20.0
#: Between two checkpoints there is so many times what one takes.
SPARING = 20.0
#: Below this an adaptive learning rate ends the training.
LEAST_RATE = 1e-6


class Learner(CallbackSupport, Trained, BaseEstimator):
    """A model that is trained by mini-batches, with scikit-learn's parameters of `MLPClassifier` for it."""

    solver: str
    alpha: float
    batch_size: Any
    shuffle: bool
    max_fun: int
    learning_rate: Any
    learning_rate_init: float
    power_t: float
    max_iter: int
    tol: float
    verbose: Any
    momentum: float
    nesterovs_momentum: bool
    early_stopping: bool
    beta_1: float
    beta_2: float
    epsilon: float
    n_iter_no_change: Any
    weight_decay: float
    loss_curve_: list[float]
    validation_scores_: list[float] | None
    best_loss_: float | None
    best_validation_score_: float | None
    checkpoint: Any
    _training: dict[str, Any]

    @property
    def _method(self) -> str:
        """The solver that is used."""
        return self.solver

    def _by_batches(self) -> bool:
        if self.solver == "lbfgs":
            raise AttributeError("partial_fit is for solvers that see batches; 'lbfgs' sees all rows at each step.")
        return True

    def _update(self) -> SGD | Adam:
        """The optimizer that the parameters name."""
        if self._method == "sgd":
            return SGD(self.momentum, self.nesterovs_momentum and self.momentum > 0)
        decay = self.weight_decay if self._method == "adamw" else 0.0
        return Adam(self.beta_1, self.beta_2, self.epsilon, decay)

    def _schedule(self, steps: int) -> Schedule:
        """The learning rate by number of step; `steps` are those of an epoch."""
        if callable(self.learning_rate):
            return self.learning_rate
        if self.learning_rate == "cosine":
            return Cosine(self.learning_rate_init, self.max_iter * steps)
        return lambda step: self._training["rate"]

    def _new_course(self) -> None:
        """Forget earlier trainings."""
        self.n_iter_ = self.t_ = 0
        self.loss_, self.loss_curve_ = float("inf"), []
        self.best_loss_ = self.best_validation_score_ = self.validation_scores_ = None
        if self._method != "lbfgs":
            if self.early_stopping:
                self.validation_scores_, self.best_validation_score_ = [], -np.inf
            else:
                self.best_loss_ = np.inf
        self._idle = 0

    def _trainer(
        self,
        flat: Flat,
        gradient: Gradient,
        arrays: tuple[Any, ...],
        random: np.random.RandomState,
        way: str,
        *,
        drawn: Callable[[Any, Any], Callable[[int, int], tuple[Any, ...]]] | None,
        divided: Callable[[np.random.RandomState], tuple[tuple[Any, ...], Callable[[Any], float]]],
    ) -> tuple[Trainer, Callable[[Any], float] | None]:
        """The training that follows from the parameters, and the score of the rows that are set aside.

        Parameters
        ----------
        flat, gradient
            Parameters, and the gradient of the loss in them.
        arrays : tuple
            What batches are cut from; the weights of the rows, or None, come last.
        random : RandomState
        way : {"fit", "partial", "resume"}
        drawn : callable, optional
            ``drawn(seed, dtype) -> draw``, where the loss has random arguments.
        divided : callable
            ``divided(random) -> (arrays, score)``: the rows to learn from, and the score of the others.
        """
        had = self._training if way != "fit" else {}
        if way == "resume":
            random = np.random.RandomState()
            random.set_state(tuple(had["split"]))
        split, score = list(random.get_state(legacy=True)), None
        if self.early_stopping:
            if way == "partial":
                raise ArgumentError("partial_fit does not support early_stopping=True: it sees no rows twice.")
            arrays, score = divided(random)
        rows = arrays[0].shape[0]
        size = min(200 if self.batch_size == "auto" else int(self.batch_size), rows)
        seed = had.get("seed")
        if seed is None and drawn is not None:
            seed = int(random.randint(2**31 - 1))
        trainer = Trainer(
            flat,
            gradient,
            self._update(),
            self._schedule(-(-rows // size)),
            arrays,
            size,
            random if self.shuffle else None,
            arrays[-1],
            float(self.alpha),
            None if drawn is None else drawn(seed, flat.vector.dtype),
        )
        if way != "resume":
            self.n_iter_ = 0
        if way == "resume" or (way == "partial" and had):
            trainer.restore(had if way == "resume" else {**had, "epochs": 0, "random": trainer.begun})
        rate = had.get("rate", self.learning_rate_init)
        self._training = {**had, "split": split, "seed": seed, "rate": rate}
        return trainer, score

    def _learn(
        self,
        trainer: Trainer,
        watch: Watch,
        *,
        score: Callable[[Any], float] | None = None,
        fitted: Callable[[Any], dict[str, Any]],
        once: bool = False,
    ) -> tuple[str, str]:
        """Train until one of the ends is reached, and return the status and its sentence.

        Parameters
        ----------
        trainer : Trainer
        watch : Watch
            Who is told of every epoch.
        score : callable, optional
            From parameters to the score of the rows that were set aside.
        fitted : callable
            From parameters to the attributes that a prediction needs.
        once : bool
            End after one epoch.
        """
        earlier = len(self.loss_curve_) - self.n_iter_
        written = (-np.inf, 0.0)
        # what does not change in the course of the training stays as it is
        self._training = {**self._training, **trainer.state(), "ended": False}
        end = ("iteration_limit", f"{self.max_iter} epochs are over, and the loss was still falling.")
        try:
            while self.n_iter_ < self.max_iter or once:
                after = self._after_epoch(trainer, score)
                self.__dict__.update(after)  # in one go: Ctrl-C finds all of it or nothing
                if self.verbose:
                    self._tell()
                stop = self._idle > self.n_iter_no_change and self._gives_up()
                if stop:
                    self._training["ended"] = True
                    end = ("stalled", self._patience())
                if self.checkpoint is not None:
                    written = self._write_down(fitted(self._chosen(trainer)), written)
                if watch.step(lambda: fitted(self._chosen(trainer))):
                    end = ("interrupted", f"Stopped by a callback after {self.n_iter_} epochs.")
                    break
                if stop or once:
                    break
            else:
                warnings.warn(
                    f"The training reached max_iter={self.max_iter} epochs and has not converged yet: raise max_iter, "
                    "or go on with resume(X, y).",
                    ConvergenceWarning,
                    stacklevel=3,
                )
        except KeyboardInterrupt:
            end = (
                "interrupted",
                f"Interrupted from the keyboard; what {self.n_iter_} whole epochs had learnt is kept.",
            )
            warnings.warn(f"Training interrupted by the user. {end[1]} resume(X, y) goes on.", stacklevel=3)
        del self.loss_curve_[earlier + self.n_iter_ :]
        if self.validation_scores_ is not None:
            del self.validation_scores_[earlier + self.n_iter_ :]
        attributes = fitted(self._chosen(trainer))
        self.__dict__.update(attributes)
        self._write_down(attributes, (-np.inf, 0.0))
        return end

    def _descend(
        self,
        flat: Flat,
        gradient: Gradient,
        arrays: tuple[Any, ...],
        weights: Any,
        watch: Watch,
        *,
        fitted: Callable[[Any], dict[str, Any]],
    ) -> tuple[str, str]:
        """Go down by L-BFGS over all rows, and return the status and its sentence."""
        self._new_course()
        end = ("iteration_limit", f"{self.max_iter} iterations are over.")

        def now() -> dict[str, Any]:
            return fitted(flat.view(flat.vector.copy()))

        try:
            for state in lbfgs.steps(flat, gradient, arrays, weights, float(self.alpha), self.max_iter):
                self.loss_, self.n_iter_ = float(state.value), state.iteration
                if state.iteration:
                    self.loss_curve_.append(self.loss_)
                    if self.verbose:
                        self._tell()
                    if watch.step(now):
                        end = ("interrupted", f"Stopped by a callback after {self.n_iter_} iterations.")
                        break
                if state.gradient_norm <= self.tol:
                    end = ("converged", f"The gradient is below tol={self.tol:g}.")
                    break
                if state.evaluations.value >= self.max_fun:
                    end = ("iteration_limit", f"max_fun={self.max_fun} evaluations are over.")
                    break
            else:
                if self.n_iter_ < self.max_iter:
                    end = ("stalled", "No step along the gradient lowers the loss beyond rounding.")
        except KeyboardInterrupt:
            end = ("interrupted", f"Interrupted from the keyboard after {self.n_iter_} iterations.")
            warnings.warn(f"Training interrupted by the user. {end[1]}", stacklevel=4)
        if end[0] == "iteration_limit":
            warnings.warn(
                f"L-BFGS has not converged yet: {end[1]} Raise the limit, or scale the features.",
                ConvergenceWarning,
                stacklevel=4,
            )
        self.__dict__.update(now())
        return end

    def _witness(
        self, objective: Callable[[Any], Any], parameters: Any, status: str, message: str, begun: float
    ) -> None:
        """Keep what the verdict on the trained point will be made from."""
        self._evidence = Evidence(
            objective=objective,
            parameters=parameters,
            method={"lbfgs": "l-bfgs"}.get(self._method, self._method),
            reason=f"solver={self.solver!r}",
            status=status,
            message=message,
            iterations=self.n_iter_,
            seconds=perf_counter() - begun,
            values=list(self.loss_curve_),
            time_limit=VERDICT,
        )

    def _rests(self) -> bool:
        """Whether there is nothing left to resume."""
        check_is_fitted(self)
        if self._method == "lbfgs" or not getattr(self, "_training", None):
            raise ArgumentError("There is nothing to resume: fit with solver='adam', 'adamw' or 'sgd' first.")
        return bool(self._training.get("ended"))

    def _after_epoch(self, trainer: Trainer, score: Callable[[Any], float] | None) -> dict[str, Any]:
        """Make an epoch, and return the attributes that say how things stand after it."""
        begun = perf_counter()
        try:
            loss = trainer.epoch()
        except Diverged:
            raise ArgumentError(
                f"The training diverged in epoch {self.n_iter_ + 1}: the loss is not finite any more. Scale the "
                f"features (StandardScaler), or take a smaller learning_rate_init than {self.learning_rate_init:g}."
            ) from None
        done, idle = self.n_iter_ + 1, self._idle
        after: dict[str, Any] = {"n_iter_": done, "loss_": loss, "t_": self.t_ + trainer.rows}
        training = {**self._training, **trainer.state()}
        if score is not None:
            value = score(trainer.flat.nested)
            best = -np.inf if self.best_validation_score_ is None else self.best_validation_score_
            idle = idle + 1 if not value >= best + self.tol else 0
            if value > best or training.get("best") is None:
                training["best"] = trainer.flat.vector.copy()
                after["best_validation_score_"] = value
            assert self.validation_scores_ is not None
            self.validation_scores_.append(value)
        else:
            best = np.inf if self.best_loss_ is None else self.best_loss_
            idle = idle + 1 if loss > best - self.tol else 0
            after["best_loss_"] = min(best, loss)
        if self.learning_rate == "invscaling":
            training["rate"] = self.learning_rate_init / (after["t_"] + 1) ** self.power_t
        training["seconds"] = training.get("seconds", 0.0) + perf_counter() - begun
        self.loss_curve_.append(loss)
        return after | {"_idle": idle, "_training": training}

    def _gives_up(self) -> bool:
        """Whether there is nothing left to try where the loss stands still."""
        if self.learning_rate == "adaptive" and self._training["rate"] > LEAST_RATE:
            self._training["rate"] /= 5.0
            self._idle = 0
            return False
        return True

    def _patience(self) -> str:
        what = "validation score" if self.validation_scores_ is not None else "training loss"
        return f"The {what} did not improve by more than tol={self.tol:g} for {self.n_iter_no_change} epochs."

    def _tell(self) -> None:
        score = "" if not self.validation_scores_ else f"   validation score {self.validation_scores_[-1]:.4f}"
        print(f"epoch {self.n_iter_:4d}   loss {self.loss_:.8f}{score}")

    def _chosen(self, trainer: Trainer) -> Any:
        """The parameters to keep, in copies: the best of those with a score, else those after the last whole epoch."""
        best = self._training.get("best")
        return trainer.flat.view((self._training["vector"] if best is None else best).copy())

    def _write_down(self, attributes: dict[str, Any], last: tuple[float, float]) -> tuple[float, float]:
        """Save the model as it is now, where a checkpoint is asked for: as often as takes a twentieth of the time.

        `last` says when that was done before, and how long it took.
        """
        begun = perf_counter()
        if self.checkpoint is None or begun < last[0] + SPARING * last[1]:
            return last
        from thalweg.models.persistence import save

        model = copy(self)
        for name in PASSING:
            model.__dict__.pop(name, None)
        model.__dict__.update(attributes, checkpoint=None)
        save(model, self.checkpoint)
        return begun, perf_counter() - begun
