"""Measurements, side by side with peers in one run. Not part of the package; never part of the tests."""
