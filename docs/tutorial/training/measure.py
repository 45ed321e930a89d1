"""How good a classifier is: overall, and on each slice of the data."""

from collections.abc import Mapping
from typing import Any

import numpy as np
import pandas as pd
from sklearn.metrics import accuracy_score, precision_score, recall_score

Numbers = dict[str, float]


def measure(
    table: pd.DataFrame,
    labels: "pd.Series[Any]",
    decided: Any,
    config: Mapping[str, Any],
) -> tuple[Numbers, dict[str, Numbers]]:
    """Return metrics of all rows, and those of each slice.

    ``slice_by`` of *config* names the column that slices the rows: the label, or a
    measurement, by its quarters.
    """
    truth = labels.to_numpy()
    metrics = {"accuracy": float(accuracy_score(truth, decided))}
    if "positive" in config:
        words = {"pos_label": config["positive"], "zero_division": 0.0}
        metrics["recall"] = float(recall_score(truth, decided, **words))
        metrics["precision"] = float(precision_score(truth, decided, **words))
    right = truth == decided
    slices = {
        name: {"accuracy": float(right[rows].mean())}
        for name, rows in _slices(table, labels, config["slice_by"]).items()
    }
    return metrics, slices


def _slices(
    table: pd.DataFrame, labels: "pd.Series[Any]", column: str
) -> dict[str, Any]:
    if column == labels.name:
        values = labels.to_numpy()
        return {f"{column}={value}": values == value for value in np.unique(values)}
    quarter = pd.qcut(table[column], 4, labels=False).to_numpy()
    return {f"{column}=q{n + 1}": quarter == n for n in range(4)}
