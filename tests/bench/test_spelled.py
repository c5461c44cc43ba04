from __future__ import annotations

from dataclasses import dataclass

import pytest

from delegate.bench.spelled import spelled
from delegate.completion import Completion
from delegate.errors import SpecError
from delegate.message import Request
from delegate.policy import Policy
from delegate.scope import Scope
from delegate.spec import parse

TABLES = {
    "small": {"kind": "openai", "model": "small", "base_url": "http://127.0.0.1:1/v1"},
    "large": {"kind": "openai", "model": "large", "base_url": "http://127.0.0.1:1/v1"},
}
POLICIES = [
    {"kind": "vote", "models": ["@small", "@large"], "draws": 3, "answers": "math"},
    {"kind": "mux", "models": ["@small", "@large"], "validation": {"small": 0.5, "large": 0.75}},
    {"kind": "router", "models": ["@small", "@large"], "route": {"kind": "length", "thresholds": [80.0]}},
    {
        "kind": "cascade",
        "models": [{"kind": "vote", "models": ["@small", "@large"]}, "@small", "@large"],
        "confidence": {"kind": "agreement", "models": ["@large"], "answers": "number"},
        "thresholds": [1.0, 0.5],
    },
    {
        "kind": "cascade",
        "models": ["@small", "@large"],
        "confidence": {
            "kind": "combined",
            "confidences": [{"kind": "length"}, {"kind": "consistency", "model": "@small", "draws": 3}],
            "weights": [1.0, 2.0],
        },
        "thresholds": [0.25],
    },
]


@pytest.mark.parametrize("table", POLICIES, ids=lambda table: table["kind"])
def test_a_policy_becomes_the_table_it_was_built_from(table):
    assert spelled(parse({**TABLES, "main": table}).models["main"]) == table


@dataclass(frozen=True, kw_only=True)
class Odd(Policy):
    async def decide(self, request: Request, scope: Scope) -> Completion:
        raise NotImplementedError


def test_a_part_nobody_registered_has_no_table():
    with pytest.raises(SpecError, match="Odd is no registered part"):
        spelled(Odd())
