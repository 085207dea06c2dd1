"""ledg-rt: predict how long a neural network takes on a piece of hardware, from its ONNX file.

``from ledg_rt import Predictor; Predictor().predict(models, platforms)`` gives rows in input order.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from ledg_rt.predictor import Predictor as Predictor

__all__ = ["Predictor"]


def __getattr__(name: str) -> Any:
    # Importing the package stays cheap; a command line asks for much less than a Predictor.
    if name == "Predictor":
        from ledg_rt.predictor import Predictor

        return Predictor
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
