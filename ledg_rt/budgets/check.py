"""One check: models or saved rows, against the budgets of a configuration, to a report."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

from ledg_rt.budgets.cases import Case, predicted, saved
from ledg_rt.budgets.configuration import Configuration
from ledg_rt.budgets.report import Report, make_report
from ledg_rt.budgets.verdicts import judge_all
from ledg_rt.errors import LedgError
from ledg_rt.saved import bundle_of, load_rows, refuse_other_bundle

if TYPE_CHECKING:
    from ledg_rt.predictor import Predictor


def check(
    configuration: Configuration,
    predictor: Callable[[], Predictor],
    *,
    rows: Path | None = None,
    base: Path | None = None,
    across_bundles: bool = False,
) -> Report:
    """Judge every budget of ``configuration``.

    Args:
        configuration: the budgets; their globs are relative to its folder.
        predictor: gives a predictor; not called where saved rows are all that is needed.
        rows: saved rows to judge instead of predicting the models.
        base: what ``max_increase`` is against: saved rows, or a folder that stands for the current one,
            such as another checkout, whose models are predicted too.
        across_bundles: allow a base that another bundle predicted.

    Raises:
        LedgError: nothing matched, saved rows that cannot be read, or a base of another bundle.
    """
    if rows is None:
        cases = predicted(predictor(), configuration, configuration.folder)
    else:
        cases = saved(load_rows(rows), configuration, configuration.folder)
    bundle = bundle_of([case.answer for case in cases], "the check")
    if base is None:
        return make_report(str(configuration.path), bundle, None, judge_all(cases, None))
    before = _before(configuration, predictor, base)
    base_bundle = bundle_of([case.answer for case in before], "the base") if before else None
    if base_bundle is not None and not across_bundles:
        refuse_other_bundle(base_bundle, bundle)
    return make_report(str(configuration.path), bundle, base_bundle, judge_all(cases, before))


def _before(configuration: Configuration, predictor: Callable[[], Predictor], base: Path) -> list[Case]:
    """The cases of the base. A model that it does not have is new there, and so is any model at first."""
    if base.is_dir():
        inside = os.path.relpath(configuration.folder)
        if inside.split(os.sep)[0] == os.pardir:  # BASE/.. would be the very models that are to be judged
            raise LedgError(
                "usage",
                f"{base} stands for the current folder, and {configuration.path} is not in that",
                "go to a folder that the configuration is in, or give saved rows as base",
            )
        return predicted(predictor(), configuration, base / inside, strict=False)
    cases = saved(load_rows(base), configuration, configuration.folder, strict=False)
    if not cases:
        raise LedgError(
            "rows",
            f"{base}: no row of a model and platform that a budget names",
            "predict the same paths on the same platforms, or name a folder with the models before the change",
        )
    return cases
