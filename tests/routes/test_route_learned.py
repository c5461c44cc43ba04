import pytest

from delegate import Request, Scope, SpecError
from delegate.errors import DataError
from delegate.policies.router import Router
from delegate.routes.learned import Learned, pick, threshold
from delegate.testing import check_route, scripted
from routing import by_length

A, B, C = (scripted(f"by {name}", name=name) for name in "abc")
SHORT, LONG = Request.of("2 + 2?"), Request.of("What is 2 + 2, if it is not too much to ask?" * 20)


async def choose(route, request=SHORT, models=(A, B)):
    return await route.choose(request, models, Scope())


async def test_conformance(tmp_path):
    await check_route(Learned(path=by_length(tmp_path / "route.json", [0.5, 0.2, -1.0]), share=0.3))


async def test_the_model_of_most_value_is_chosen(tmp_path):
    path = by_length(tmp_path / "route.json", [2.0, -1.0], costs=[0.001, 0.1])
    assert [await choose(Learned(path=path, worth=10), request) for request in (SHORT, LONG)] == [0, 1]
    assert await choose(Learned(path=path, worth=0.5), LONG) == 0  # twenty points more for a dime are not worth it
    assert await choose(Learned(path=path, worth=0.5, costs={"b": 0.001}), LONG) == 1


async def test_a_share_of_what_was_seen_goes_to_the_last_model(tmp_path):
    path = by_length(tmp_path / "route.json", [0.0, -1.0])
    chosen = [await choose(Learned(path=path, share=share), LONG) for share in (0.0, 0.01, 1.0)]
    assert chosen == [0, 1, 1]
    assert await choose(Learned(path=path, share=0.2), SHORT) == 0


async def test_any_number_of_models_may_be_chosen_from(tmp_path):
    path = by_length(tmp_path / "route.json", [0.0, 0.5, -9.0])
    route = Learned(path=path, share=0.0)
    assert await choose(route, models=(A, B, C)) == 1
    assert await choose(route, models=(B, A)) == 0
    assert await choose(route, models=(A,)) == 0


async def test_the_router_says_who_was_chosen(tmp_path):
    route = Learned(path=by_length(tmp_path / "route.json", [2.0, -1.0]), share=0.0)
    completion = await Router(models=(A, B), route=route).complete(SHORT)
    assert (completion.text, completion.notes["route"], completion.notes["escalated"]) == ("by a", "a", False)


async def test_only_the_last_user_message_is_read(tmp_path):
    route = Learned(path=by_length(tmp_path / "route.json", [2.0, -1.0]), share=0.5)
    assert await choose(route, Request.of("2 + 2?", system="Be brief. " * 500)) == 0


@pytest.mark.parametrize(
    ("bar", "chosen"), [(None, 0), (-0.3, 2), (-0.2, 0)], ids=["no bar", "within its lead", "beyond its lead"]
)
def test_a_bar_is_for_the_lead_of_the_last(bar, chosen):
    assert pick([0.8, 0.7, 0.6], [0.0, 0.0, 0.05], bar) == chosen


def test_the_threshold_is_the_lead_that_a_share_reaches():
    seen = tuple((0.5, 0.0, 0.5 + number / 10) for number in range(4))
    assert threshold(seen, (0, 2), (0.0, 0.0), 0.5) == pytest.approx(0.2)
    assert threshold(seen, (0, 2), (0.0, 0.1), 0.5) == pytest.approx(0.1)
    assert threshold(seen, (0, 2), (0.0, 0.0), 1.0) == 0.0
    assert threshold(seen, (0, 2), (0.0, 0.0), 0.0) == float("inf")


@pytest.mark.parametrize(
    ("fields", "said"),
    [
        ({}, "`worth`"),
        ({"worth": 0.0}, "`worth`"),
        ({"worth": float("nan")}, "`worth`"),
        ({"share": 1.5}, "`share`"),
        ({"share": 0.5, "costs": {"a": -1.0}}, "`costs`"),
    ],
)
def test_a_wrong_setting_is_refused_when_the_spec_is_read(tmp_path, fields, said):
    with pytest.raises(SpecError, match=said):
        Learned(path=tmp_path / "route.json", **fields)


async def test_what_the_file_does_not_know_is_said(tmp_path):
    path = by_length(tmp_path / "route.json", [0.0, 0.0])
    with pytest.raises(SpecError, match="not fitted to 'c'"):
        await choose(Learned(path=path, share=0.5), models=(A, C))
    with pytest.raises(SpecError, match="what 'a' costs is unknown"):
        await choose(Learned(path=path, worth=1.0))
    with pytest.raises(SpecError, match="not fitted to 'd'"):
        await choose(Learned(path=path, share=0.5, costs={"d": 1.0}))


def test_a_file_that_cannot_serve_is_refused_before_anything_is_spent(tmp_path):
    with pytest.raises(DataError, match="delegate train route"):
        Learned(path=tmp_path / "none.json", share=0.5).check()
    with pytest.raises(SpecError, match="not a route"):
        Learned(path=by_length(tmp_path / "post.json", [0.0, 0.0], answers=True), share=0.5).check()
