"""Settings for the whole suite: one BLAS thread a worker, no code from disk, and hypothesis profiles."""

import os

for name in ("OPENBLAS_NUM_THREADS", "OMP_NUM_THREADS", "MKL_NUM_THREADS"):
    os.environ.setdefault(name, "1")  # workers of pytest-xdist share the cores already
os.environ["THALWEG_CACHE_DIR"] = ""  # no test reads what another run has compiled

import hypothesis  # noqa: E402

hypothesis.settings.register_profile("local", deadline=None)
hypothesis.settings.register_profile("ci", deadline=None, derandomize=True, print_blob=True)
hypothesis.settings.load_profile("ci" if os.environ.get("CI") else "local")
