import asyncio

import pytest

from delegate.completion import Failure, Usage
from delegate.errors import ModelError, SpecError
from delegate.message import Request
from delegate.models.function import FunctionModel
from delegate.policies.vote import Vote
from delegate.testing import scripted
from delegate.train.purse import Account, Purse

CENT = FunctionModel(function=lambda request: "4", name="small", usage=Usage(calls=1, cost=0.01))
ASKED = Request.of("2 + 2?")


def test_every_call_is_counted_over_all_sittings(tmp_path):
    for sitting in (1, 2):
        with Account(tmp_path / "spent.jsonl", limit=0.05) as account:
            completion = asyncio.run(account.over(Vote(models=(CENT,), draws=3)).complete(ASKED))
            assert (completion.text, completion.usage.cost) == ("4", pytest.approx(0.03))
            assert account.meter.cost == pytest.approx(0.03 * sitting)
            assert account.empty == (sitting == 2)
    assert str(account.stopped("2 steps")) == (
        "stopped at --max-cost: $0.0600 are spent and 2 steps are still owed; "
        "give the same command with a higher limit to go on"
    )


def test_a_failed_call_is_paid_too_and_an_unknown_cost_ends_it(tmp_path):
    down = scripted(
        Failure(kind="server", detail="broke", usage=Usage(calls=1, cost=0.02)),
        Failure(kind="timeout", detail="slow", usage=Usage.unknown()),
        name="down",
    )
    with Account(tmp_path / "spent.jsonl", limit=1.0) as account:
        for cost, empty in ((0.02, False), (0.02, True)):
            with pytest.raises(ModelError):
                asyncio.run(account.over(down).complete(ASKED))
            assert (account.meter.cost, account.empty) == (cost, empty)
    assert "give a `price`" in str(account.stopped("2 steps"))


def test_without_a_limit_nothing_ends():
    purse = Purse()
    purse.meter.cost, purse.meter.unknown = 1e9, 3
    assert not purse.empty
    with pytest.raises(SpecError, match="must be a number of dollars"):
        Purse(-1.0)
