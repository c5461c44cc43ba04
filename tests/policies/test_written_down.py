"""Every built-in policy, confidence and route can be written down as a table, with every argument it has."""

import pytest

from delegate.spec import parse

LEAVES = {
    name: {"kind": "openai", "model": name, "base_url": "http://127.0.0.1:1/v1"}
    for name in ("small", "middle", "large")
}
BOTH = ["@small", "@large"]
TABLES = {
    "cascade": {
        "models": ["@small", "@middle", "@large"],
        "confidence": {"kind": "consistency", "model": "@small", "draws": 3, "answers": "math", "temperature": 0.7},
        "thresholds": [0.8, 1],
    },
    "decompose": {
        "delegator": "@large",
        "workers": ["@small"],
        "synthesiser": "@middle",
        "minimum": 2,
        "maximum": 4,
        "ordered": True,
        "strengths": {"small": "arithmetic"},
        "budget": 1,
    },
    "fallback": {"models": BOTH},
    "mux": {
        "models": BOTH,
        "draws": 3,
        "temperature": 0.7,
        "answers": "number",
        "validation": {"small": 0.5, "large": 0.75},
        "early_stop": True,
    },
    "router": {
        "models": BOTH,
        "route": {
            "kind": "asking",
            "model": "@middle",
            "descriptions": {"large": "hard ones"},
            "instructions": "Choose.",
        },
    },
    "tool": {
        "delegator": "@large",
        "worker": "@small",
        "max_turns": 3,
        "calculator": True,
        "instructions": "Delegate.",
        "worker_instructions": "Think.",
    },
    "vote": {"models": BOTH, "draws": 2, "answers": "choice"},
}


@pytest.mark.parametrize("kind", TABLES)
def test_a_policy_as_a_table(kind):
    spec = parse({**LEAVES, "main": {"kind": kind, **TABLES[kind]}})
    assert spec.models["main"].name == "main"
    assert set(spec.resolved["main"]) - {"kind"} == set(type(spec.models["main"]).__dataclass_fields__)


@pytest.mark.parametrize(
    "confidence",
    [
        {"kind": "agreement", "models": ["@middle"], "answers": "date"},
        {"kind": "asking", "model": "@large", "mode": "p_true"},
        {
            "kind": "calibrated",
            "confidence": {"kind": "logprob", "statistic": "min", "length_bonus": 0.0},
            "points": [[0.25, 0.0], [0.5, 1.0]],
            "intercept": 0.0,
        },
        {
            "kind": "calibrated",
            "confidence": {"kind": "token", "confident": "yes", "unsure": "no"},
            "points": [],
            "slope": 2.5,
            "intercept": -1.0,
        },
        {
            "kind": "combined",
            "confidences": [
                {"kind": "length", "half": 100.0},
                {"kind": "agreement", "models": ["@middle"], "answers": "text"},
            ],
            "weights": [2.5, -1.0],
            "intercept": 0.5,
        },
        {"kind": "length", "half": 250.0},
        {"kind": "logprob", "statistic": "entropy", "length_bonus": 0.0},
        {"kind": "token", "confident": "<|c_math|>", "unsure": "<|u_math|>"},
    ],
)
def test_a_confidence_as_a_table(confidence):
    spec = parse({**LEAVES, "main": {"kind": "cascade", "models": BOTH, "confidence": confidence, "thresholds": [0.5]}})
    written = spec.resolved["main"]["confidence"]
    assert {name: value for name, value in written.items() if value is not None} == confidence
