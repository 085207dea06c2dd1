"""What the formats say about an evaluation: the cells of each table, and the notes below."""

from __future__ import annotations

import math

from ledg_rt.evaluation import Comparison, Evaluation, Fitted, Summary
from ledg_rt.rendering.cells import NOTHING, number
from ledg_rt.rendering.text import DETAIL_LIMIT, fit

FIGURES = ("platform", "models", "MAPE %", "median APE %", "Acc(10%) %", "Spearman", "in p10-p90 %")
WORST = ("line", "model", "platform", "measured ms", "p50 [p10-p90] ms", "error %")


def figures(summary: Summary) -> tuple[str, ...]:
    """The cells below ``FIGURES``; the first holds foreign text, not yet made harmless."""
    found = summary.accuracy
    rho = NOTHING if found.spearman is None else f"{found.spearman:.3f}"
    return (
        "all" if summary.platform is None else summary.platform, str(found.count), f"{found.mape:.1f}",
        f"{found.median_ape:.1f}", f"{found.acc10:.1f}", rho, f"{summary.coverage:.1f}",
    )  # fmt: skip


def fitted(found: Fitted) -> str:
    """One sentence on a fit."""
    before, after = (evaluation.summaries[-1] for evaluation in (found.before, found.after))
    calibration = found.platform.calibration
    factor = "" if calibration is None else f", {number(math.exp(calibration.offset))} times the prediction"
    return (
        f"fitted to {before.accuracy.count} measurements{factor}; their median APE was "
        f"{before.accuracy.median_ape:.1f} % and is {after.accuracy.median_ape:.1f} %"
    )


def worst(found: Comparison) -> tuple[str, ...]:
    """The cells below ``WORST``; model and platform are foreign text."""
    latency, measured, error = found.latency_ms, found.measured_ms, found.error_percent
    if latency is None or measured is None or error is None:
        raise ValueError("a comparison without a prediction has no error")
    span = f"{number(latency.p50)} [{number(latency.p10)}-{number(latency.p90)}]"
    return str(found.line), found.model, found.platform, number(measured), span, f"{error:+.1f}"


def faults(evaluation: Evaluation) -> list[tuple[str, str]]:
    """(line and model, sentence) of each line without a prediction, once for all platforms."""
    found: dict[tuple[str, str], None] = {}
    for item in evaluation.failed:
        if item.error:
            text = f"{item.error.code}: {item.error.message}"
            text = f"{text}; {item.error.hint}" if item.error.hint else text
            where = f"line {item.line}, {item.model}" if item.model else f"line {item.line}"
            found[where, fit(text, DETAIL_LIMIT)] = None
    return list(found)
