"""Train a classifier: ``python train.py DATA CONFIG OUT``.

An ordinary training script: it knows nothing of modelver. ``DATA`` holds ``train.csv``
and ``test.csv``, whose last column is the label; ``CONFIG`` is a JSON file; one file
for each trained part is written into ``OUT``. The same data and configuration give
the same bytes, on one machine with the same packages.
"""

import json
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import joblib
import numpy as np
import pandas as pd
from sklearn.decomposition import PCA
from sklearn.linear_model import LogisticRegression
from sklearn.naive_bayes import GaussianNB
from sklearn.preprocessing import StandardScaler
from sklearn.svm import SVC
from threadpoolctl import threadpool_limits

Config = Mapping[str, Any]

# In the order in which they are applied; a configuration names those that it has.
PARTS = ("scaler", "projection", "classifier")
KINDS = {
    kind.__name__: kind
    for kind in (GaussianNB, LogisticRegression, PCA, StandardScaler, SVC)
}


def read(path: Path) -> tuple[pd.DataFrame, "pd.Series[Any]"]:
    """Return the columns of a table, and its labels."""
    table = pd.read_csv(path)
    return table.iloc[:, :-1], table.iloc[:, -1]


def train(data: Path, config: Config, out: Path) -> None:
    """Fit each part that *config* names on ``train.csv``; save each in its file."""
    columns, labels = read(data / "train.csv")
    values = columns.to_numpy(float)
    out.mkdir(parents=True)
    with threadpool_limits(1):  # several threads add in another order each time
        for name in PARTS:
            if name not in config:
                continue
            words = dict(config[name])
            part = KINDS[words.pop("kind")](**words).fit(values, labels.to_numpy())
            joblib.dump(part, out / f"{name}.joblib")
            if hasattr(part, "transform"):
                values = part.transform(values)


def load(model: Path) -> list[Any]:
    """Return the trained parts.

    This runs what the files say, as unpickling does. Do it with files of your own.
    """
    paths = [model / f"{name}.joblib" for name in PARTS]
    return [joblib.load(path) for path in paths if path.exists()]


def score(parts: Sequence[Any], columns: pd.DataFrame) -> Any:
    """Return one row of scores for each row of *columns*, one column for each class."""
    *before, classifier = parts
    values = columns.to_numpy(float)
    with threadpool_limits(1):
        for part in before:
            values = part.transform(values)
        if hasattr(classifier, "predict_proba"):
            return classifier.predict_proba(values)
        return classifier.decision_function(values)


def decide(parts: Sequence[Any], scores: Any, config: Config) -> Any:
    """Return a label for each row of scores.

    Where *config* has a threshold, its ``positive`` class is chosen from there on;
    otherwise the class with the highest score is.
    """
    classes = parts[-1].classes_
    best = classes[np.argmax(scores, axis=1)]
    if "threshold" not in config:
        return best
    positive = config["positive"]
    (other,) = (name for name in classes if name != positive)
    found = scores[:, list(classes).index(positive)] >= config["threshold"]
    return np.where(found, positive, other)


if __name__ == "__main__":
    data_folder, config_file, out_folder = map(Path, sys.argv[1:])
    train(data_folder, json.loads(config_file.read_text()), out_folder)
