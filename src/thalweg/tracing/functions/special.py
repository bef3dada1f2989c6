"""Ufuncs of ``scipy.special``; loaded when the first of them is met."""
