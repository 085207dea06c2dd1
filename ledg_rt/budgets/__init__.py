"""Latency budgets: what a model may cost on a platform, and whether it does.

``configuration`` reads them, ``cases`` finds the models and their predictions, ``verdicts`` judges, and
``report`` is what the formats of ``ledg_rt.rendering.check`` write.
"""

from ledg_rt.budgets.configuration import Basis, Budget, Configuration, Level, OnUnknown, find, load

__all__ = ["Basis", "Budget", "Configuration", "Level", "OnUnknown", "find", "load"]
