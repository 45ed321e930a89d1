"""The data that the tutorial's models are trained on: tables, delivered bit by bit.

They come from the real data sets that scikit-learn carries. Each delivery is a folder
with ``train.csv`` and ``test.csv``, and has the same bytes whenever it is written.
"""

from pathlib import Path
from typing import Any

import pandas as pd
from sklearn.datasets import load_breast_cancer, load_digits
from sklearn.model_selection import train_test_split

ROWS = {
    "tumour-1": 100,
    "tumour-2": 398,
    "digits-1": 300,
    "digits-2": 1_000,
    "digits-3": 1_257,
}
"""How many rows there are to train on, by delivery."""

MIXED_UP = {1: 7, 7: 1}
"""What went wrong with the labels of the delivery ``digits-3``."""


def deliver(folder: Path) -> None:
    """Write all deliveries below *folder*."""
    tables = {"tumour": _tumours(), "digits": _digits()}
    for delivery, rows in ROWS.items():
        train, test = tables[delivery.partition("-")[0]]
        if delivery == "digits-3":
            train, test = (t.replace({"digit": MIXED_UP}) for t in (train, test))
        (folder / delivery).mkdir(parents=True)
        for name, table in {"train": train.head(rows), "test": test}.items():
            path = folder / delivery / f"{name}.csv"
            table.to_csv(path, index=False, lineterminator="\n")


def _tumours() -> list[Any]:
    """569 tumours, 30 measurements of each, and whether it was malignant."""
    found = load_breast_cancer(as_frame=True)
    table = found.data.rename(columns=lambda name: name.replace(" ", "_"))
    table["diagnosis"] = found.target.map({0: "malignant", 1: "benign"})
    return _split(table, test=171)


def _digits() -> list[Any]:
    """1,797 digits written by hand: 8 by 8 pixels of 0 to 16, and which digit it is."""
    found = load_digits(as_frame=True)
    table = found.data.astype(int)
    table["digit"] = found.target
    return _split(table, test=540)


def _split(table: pd.DataFrame, test: int) -> list[Any]:
    label = table.iloc[:, -1]
    return list(train_test_split(table, test_size=test, stratify=label, random_state=2))
