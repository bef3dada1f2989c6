"""Gaussian mixtures: one plain likelihood, by expectation–maximization or directly."""

from __future__ import annotations

from .model import GaussianMixture

__all__ = ["GaussianMixture"]
