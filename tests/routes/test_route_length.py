import pytest

from delegate.errors import SpecError
from delegate.message import Message, Request
from delegate.models.function import FunctionModel
from delegate.routes.length import Length
from delegate.scope import Scope
from delegate.testing import check_route

MODELS = [FunctionModel(function=lambda _: "", name=name) for name in ("small", "middle", "large")]


@pytest.mark.parametrize(("length", "chosen"), [(0, 0), (9, 0), (10, 1), (19, 1), (20, 2), (500, 2)])
async def test_longer_questions_go_to_stronger_models(length, chosen):
    request = Request(messages=(Message(role="system", content="s" * 99), Message(role="user", content="q" * length)))
    assert await Length(thresholds=(10, 20)).choose(request, MODELS, Scope()) == chosen


async def test_every_step_between_models_needs_a_threshold():
    with pytest.raises(SpecError, match="3 models need 2 `thresholds`, found 1"):
        await Length(thresholds=(10,)).choose(Request.of("?"), MODELS, Scope())


def test_thresholds_rise():
    with pytest.raises(SpecError, match="must rise, found 20, 10"):
        Length(thresholds=(20, 10))


async def test_conformance():
    await check_route(Length(thresholds=(5, 10)))
