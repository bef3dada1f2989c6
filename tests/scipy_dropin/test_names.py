"""Which method runs for a name of SciPy's."""

import pytest
import scipy.optimize
from scipy.optimize import OptimizeWarning

from thalweg.optimize.methods import METHODS
from thalweg.optimize.solution import Status
from thalweg.scipy.names import NAMES, Name, lookup, ours, warn_of_unknown


def test_all_names_of_scipy_are_there():
    shown = scipy.optimize.show_options("minimize", disp=False)
    assert all(name in shown.lower() for name in NAMES)
    assert len(NAMES) == 15


@pytest.mark.parametrize("key", list(NAMES))
def test_wishes_exist_and_options_are_scipys(key):
    name = NAMES[key]
    assert all(wish in METHODS for wish in name.wishes)
    assert set(name.codes) == set(Status)
    known = scipy.optimize.show_options("minimize", key, disp=False)
    for option in ("disp", "maxiter"):
        if option in name.options.split() and option in known:
            with pytest.warns(OptimizeWarning, match="nonsense"):
                warn_of_unknown(name, {option: 1, "nonsense": 2}, stacklevel=1)


def test_what_a_method_cannot_keep_goes_to_another():
    assert ours(NAMES["bfgs"], False, False)[0] == "bfgs"
    assert ours(NAMES["l-bfgs-b"], True, False)[0] == "l-bfgs-b"
    method, note = ours(NAMES["cg"], True, False)
    assert method == "auto" and "cannot keep the bounds" in note
    assert ours(NAMES["slsqp"], True, True)[0] == "sqp"
    assert "needs no derivatives" in ours(NAMES["cobyla"], True, True)[1]
    assert ours(None, True, True) == ("auto", "")
    unknown = Name("Future", ("not-here-yet",), "", "", {})
    assert "has no counterpart here" in ours(unknown, False, False)[1]


def test_lookup():
    assert lookup("SLSQP") == (NAMES["slsqp"], True)
    assert lookup("newton")[1] is False
    with pytest.raises(ValueError, match="Unknown solver nonsense"):
        lookup("nonsense")
