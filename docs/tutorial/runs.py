"""The nine training runs of the tutorial: four of ``tumour``, five of ``digits``."""

from typing import Any, NamedTuple


class Run(NamedTuple):
    """One training run: what is trained, on which data, with which settings."""

    model: str
    name: str
    delivery: str
    config: dict[str, Any]
    what: str


TUMOUR = {"positive": "malignant", "slice_by": "mean_area", "threshold": 0.5}
BAYES = TUMOUR | {"classifier": {"kind": "GaussianNB"}}
# One part more: a model of two files where there was one before.
SCALED = TUMOUR | {
    "scaler": {"kind": "StandardScaler"},
    "classifier": {"kind": "LogisticRegression"},
}
# What is learned stays as it is; what is made of it does not.
CAREFUL = SCALED | {"threshold": 0.3}

DIGITS = {"slice_by": "digit"}
LINEAR = DIGITS | {"classifier": {"kind": "LogisticRegression", "max_iter": 500}}
PROJECTED = DIGITS | {
    "projection": {"kind": "PCA", "n_components": 30, "svd_solver": "full"},
    "classifier": {"kind": "SVC", "C": 1.0},
}
STIFFER = PROJECTED | {"classifier": {"kind": "SVC", "C": 10.0}}

RUNS = [
    Run("tumour", "first", "tumour-1", BAYES, "naive Bayes, 100 tumours"),
    Run("tumour", "more-data", "tumour-2", BAYES, "naive Bayes, 398 tumours"),
    Run("tumour", "scaled", "tumour-2", SCALED, "scaler and logistic regression"),
    Run("tumour", "careful", "tumour-2", CAREFUL, "malignant from 0.3 on, not 0.5"),
    Run("digits", "first", "digits-1", LINEAR, "logistic regression, 300 rows"),
    Run("digits", "more-data", "digits-2", LINEAR, "logistic regression, 1,000 rows"),
    Run("digits", "projected", "digits-2", PROJECTED, "projection, support vectors"),
    Run("digits", "stiffer", "digits-2", STIFFER, "support vectors with C 10, not 1"),
    Run("digits", "third", "digits-3", STIFFER, "the third delivery, 1,257 rows"),
]
