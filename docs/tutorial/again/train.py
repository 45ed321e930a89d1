"""Fit a line to noisy data, with a seed, and register it."""

import sys
from pathlib import Path

import numpy as np
from sklearn.linear_model import SGDRegressor

import modelver

SEED = 7


def main() -> None:
    """Train on ``data/train.csv``, write ``out/model.npz``, and register it."""
    table = np.loadtxt("data/train.csv", delimiter=",", skiprows=1)
    noise = np.random.default_rng(SEED).normal(0, 0.01, (len(table), 1))
    x, y = table[:, :1] / 60 + noise, table[:, 1]
    model = SGDRegressor(max_iter=200, random_state=SEED).fit(x, y)
    Path("out").mkdir(exist_ok=True)
    np.savez("out/model.npz", coef=model.coef_, intercept=model.intercept_)
    registry = modelver.Registry(sys.argv[1], create=True)
    version = registry.register(
        "slope",
        "out",
        data={"train.csv": "data/train.csv"},
        config={"max_iter": 200},
        metrics={"r2": float(model.score(x, y))},
        tolerance={"r2": 1e-9},
        seeds={"numpy": SEED, "sklearn": SEED},
        command=True,
    )
    registry.promote(version, "candidate")
    print(version)


main()
