"""A handful of documents, and by hand what searches find among them.

The conformance suite of indexers reads these tables.
"""

from typing import Final

from modelver._values.query import Document

__all__ = ["ANSWERS", "DOCUMENTS", "ORDERS"]

DOCUMENTS: Final = (
    Document(
        ref="fraud@1.0.0",
        name="fraud",
        version="1.0.0",
        seq=1,
        author="ada",
        created="2026-03-01T09:30:00Z",
        status="archived",
        description="The first one: 100% O'Brien",
        tags={"task": "fraud", "team": "risk_eu"},
        params={"lr": 0.1, "opt.name": "adam", "early": True, "seed": None},
        metrics={"auc": 0.91, "loss": 0.3},
        slices={"country=DE": {"auc": 0.9}},
    ),
    Document(
        ref="fraud@1.10.0",
        name="fraud",
        version="1.10.0",
        seq=3,
        author="bob",
        created="2026-03-01T23:59:59.5Z",
        status="production",
        aliases=("champion", "production"),
        tags={"task": "fraud", "team": "riskXeu"},
        params={"lr": "0.1", "opt.name": "sgd", "early": False},
        metrics={"auc": 0.95, "loss": 0.3},
        slices={"country=DE": {"auc": 0.93}, "country=FR": {"auc": 0.9}},
    ),
    Document(
        ref="fraud@1.9.0",
        name="fraud",
        version="1.9.0",
        seq=2,
        author="ada",
        created="2026-03-02T00:00:00Z",
        status="approved",
        aliases=("previous",),
        tags={"task": "Fraud"},
        params={"lr": 1, "early": 1},
        metrics={"auc": 0.95},
    ),
    Document(
        ref="nlp/intent@2.0.0-rc.1",
        name="nlp/intent",
        version="2.0.0-rc.1",
        seq=4,
        author="ada",
        created="2026-03-02T00:00:00.25Z",
        tags={"task": "intent", "note": 'a "quoted" \\ 意図'},
        metrics={"top-5 acc": -1.5, "f1": 1e-3},
    ),
    Document(
        ref="nlp/intent@1.0.0",
        name="nlp/intent",
        version="1.0.0",
        seq=5,
        author="eve",
        created="2026-03-03T12:00:00Z",
        withdrawn=True,
        aliases=("broken",),
        metrics={"auc": 0.99},
    ),
)
"""Four versions to search, and a withdrawn one that nothing may find."""

F10, F11, F19, N2 = (d.ref for d in DOCUMENTS if not d.withdrawn)
ALL: Final = {F10, F11, F19, N2}

ANSWERS: Final[dict[str, set[str]]] = {
    # Metrics, whole and by slice
    "metrics.auc > 0.91": {F11, F19},
    "metrics.auc >= 0.91": {F10, F11, F19},
    "metrics.auc = 0.95": {F11, F19},
    "metrics.auc != 0.95": {F10, N2},
    "not metrics.auc < 0.95": {F11, F19, N2},
    "metrics.auc is null": {N2},
    "metrics.loss is not null": {F10, F11},
    'metrics."top-5 acc" < -1': {N2},
    "metrics.f1 = 0.001": {N2},
    'metrics.auc@"country=DE" > 0.9': {F11},
    'slices."country=FR".auc <= 0.9': {F11},
    'metrics.auc@"country=FR" is null': {F10, F19, N2},
    "metrics.auc in (0.91, 0.9)": {F10},
    "metrics.auc not in (0.91, 0.9)": {F11, F19, N2},
    # Parameters: a number, a text and a boolean are three things
    "params.lr = 0.1": {F10},
    "params.lr = '0.1'": {F11},
    "params.lr != 0.1": {F11, F19, N2},
    "params.lr < 2": {F10, F19},
    "params.lr = 1.0": {F19},
    "params.early = true": {F10},
    "params.early = 1": {F19},
    "params.early != true": {F11, F19, N2},
    "params.early in (true, 1)": {F10, F19},
    "params.opt.name like 'a%'": {F10},
    "params.lr like '%1'": {F11},
    "params.seed is null": ALL,
    # Text
    "tags.task = 'fraud'": {F10, F11},
    "tags.task ilike 'FRAUD'": {F10, F11, F19},
    "tags.task like 'FRAUD'": set(),
    "tags.task not like 'fr%'": {F19, N2},
    "tags.team like 'risk_eu'": {F10, F11},
    r"tags.team like 'risk\_eu'": {F10},
    r"description like '%100\% O''B%'": {F10},
    "description like '%one%O%one%'": set(),
    "tags.note = 'a \"quoted\" \\ 意図'": {N2},
    "tags.note like '%意_'": {N2},
    "tags.task >= 'fraud'": {F10, F11, N2},
    "tags.missing != 'x'": ALL,
    "description is null": {F11, F19, N2},
    # The version itself
    "alias = 'production'": {F11},
    "alias != 'production'": {F10, F19, N2},
    "alias in ('champion', 'previous')": {F11, F19},
    "alias like 'p%'": {F11, F19},
    "alias is null": {F10, N2},
    "status != 'archived'": {F11, F19, N2},
    "status is null": {N2},
    "author = 'ada' and name = 'fraud'": {F10, F19},
    "name like 'nlp/%'": {N2},
    "version >= '1.9'": {F11, F19, N2},
    "version < '2'": ALL,  # a pre-release comes before its release
    "version < '2.0.0-rc.1'": {F10, F11, F19},
    "version = '1.10'": {F11},
    "version = '1.10.0+build'": {F11},
    "version in ('1', '1.9.0')": {F10, F19},
    "version like '1.%'": {F10, F11, F19},
    # Times
    "created = '2026-03-01'": {F10, F11},
    "created != '2026-03-01'": {F19, N2},
    "created > '2026-03-01'": {F19, N2},
    "created <= '2026-03-01'": {F10, F11},
    "created >= '2026-03-02T00:00:00.1Z'": {N2},
    "created = '2026-03-02T00:00:00Z'": {F19, N2},
    "created = '2026-03-02T00:00:00.0Z'": {F19},
    "created < '2026-03-02T01:00+01:00'": {F10, F11},
    "created in ('2026-03-01T09:30', '2026-03-02')": {F10, F19, N2},
    # Together
    "author = 'bob' or author = 'ada' and metrics.auc is null": {F11, N2},
    "(author = 'bob' or author = 'ada') and metrics.auc is null": {N2},
    "not (author = 'ada' or tags.task = 'fraud')": set(),
    "not author = 'ada' or metrics.f1 > 0": {F11, N2},
    "metrics.auc = 0.99 or alias = 'broken'": set(),
}
"""What each filter finds in :data:`DOCUMENTS`."""

ORDERS: Final[dict[str, list[str]]] = {
    # Ties: by name, then the higher version. What is missing comes last.
    "metrics.auc desc": [F11, F19, F10, N2],
    "metrics.auc": [F10, F11, F19, N2],
    "metrics.loss, metrics.auc desc": [F11, F10, F19, N2],
    "metrics.loss desc, metrics.auc": [F10, F11, F19, N2],
    "version": [F10, F19, F11, N2],
    "version desc": [N2, F11, F19, F10],
    "created desc": [N2, F19, F11, F10],
    "name desc, created": [N2, F10, F11, F19],
    "params.lr": [F10, F19, F11, N2],
    "params.lr desc": [F11, F19, F10, N2],
    "params.early": [F19, F11, F10, N2],
    "status, version": [F19, F10, F11, N2],
    'metrics.auc@"country=DE" desc': [F11, F10, F19, N2],
}
"""How :data:`DOCUMENTS` are ordered by each."""
