"""The page of supported functions is what the tables say."""

from pathlib import Path

import numpy as np

from thalweg.graph import OPS
from thalweg.tracing.table import markdown
from thalweg.tracing.tracer import FUNCTIONS, UFUNCS

PAGE = Path(__file__).parents[2] / "docs" / "ops.md"


def test_the_page_is_up_to_date():
    assert PAGE.read_text("utf-8") == markdown(), "run: python -m thalweg.tracing.table > docs/ops.md"


def test_all_that_was_promised_is_on_the_page():
    text = markdown()
    promised = (
        "abs sign sqrt cbrt square reciprocal exp exp2 expm1 log log2 log10 log1p sin cos tan arcsin arccos arctan "
        "arctan2 hypot sinh cosh tanh arcsinh arccosh arctanh sinc maximum minimum fmax fmin clip where nan_to_num "
        "logaddexp logaddexp2 heaviside floor ceil trunc round copysign deg2rad rad2deg i0"
    )
    for name in promised.split():
        assert f"`np.{name}`" in text, name
    for name in (
        "erf erfc erfinv expit logit gammaln gamma digamma polygamma beta betaln xlogy xlog1py entr rel_entr log_ndtr "
        "ndtr j0 j1 y0 y1 i0 i1 logsumexp softmax log_softmax"
    ).split():
        assert f"`special.{name}`" in text, name
    assert "`math.exp`" in text and "`.clip`" in text and "`linalg.solve_triangular`" in text
    assert "`linalg.sqrtm`" not in text and "`np.linalg.eig`" not in text  # refused, with advice


def test_conventions_come_from_the_notes_of_the_ops():
    text = markdown()
    assert "| `absolute` | derivative 0 at 0 |" in text
    for name in ("maximum", "power", "hypot", "where", "arctan2"):
        assert OPS[name].note.replace("|", "\\|") in text


def test_every_ufunc_in_the_table_is_one():
    assert all(isinstance(u, np.ufunc) for u in UFUNCS)
    assert not any(isinstance(f, np.ufunc) for f in FUNCTIONS)
