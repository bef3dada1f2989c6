"""Pictures of models, one style: every function takes an Axes or makes one, and returns it.

Needs matplotlib, which is imported when the first picture is drawn: ``pip install thalweg[plot]``.
"""

from .clusters import clusters
from .confusion import confusion
from .loss_curve import loss_curve
from .mixture import mixture
from .reconstruction import reconstruction
from .regression import regression

__all__ = ["clusters", "confusion", "loss_curve", "mixture", "reconstruction", "regression"]
