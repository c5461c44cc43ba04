import pytest

from delegate import Completion, Message, Request, Scope, SpecError
from delegate.confidences.learned import Learned
from delegate.errors import DataError
from delegate.testing import check_confidence
from routing import by_length

REQUEST = Request.of("2 + 2?")


def saying(text):
    return Completion(model="a", message=Message(role="assistant", content=text))


async def test_conformance(tmp_path):
    path = by_length(tmp_path / "confidence.json", [0.5, -1.0], answers=True)
    await check_confidence(Learned(path=path))
    await check_confidence(Learned(path=path, against="b"))


async def test_the_score_is_the_chance_of_the_first_model(tmp_path):
    path = by_length(tmp_path / "confidence.json", [0.0, -1.0], answers=True)
    assert await Learned(path=path).score(REQUEST, saying("4"), Scope()) == 0.5


async def test_it_can_be_held_against_the_chance_of_another(tmp_path):
    path = by_length(tmp_path / "confidence.json", [0.0, -1.0], answers=True)
    short, long = (Request.of(text) for text in ("2 + 2?", "2 + 2? " * 50))
    kept, doubted = [await Learned(path=path, against="b").score(r, saying("4"), Scope()) for r in (short, long)]
    assert doubted < 0.5
    assert doubted < kept


async def test_a_file_that_cannot_serve_is_refused_before_anything_is_spent(tmp_path):
    with pytest.raises(DataError, match="delegate train route"):
        Learned(path=tmp_path / "none.json").check()
    with pytest.raises(SpecError, match="--post"):
        Learned(path=by_length(tmp_path / "route.json", [0.0, 0.0])).check()
    post = by_length(tmp_path / "confidence.json", [0.0, 0.0], answers=True)
    for other in ("a", "c"):
        with pytest.raises(SpecError, match=f"not fitted to '{other}'"):
            Learned(path=post, against=other).check()
