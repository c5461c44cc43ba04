"""Every built-in confidence passes the suite that plug-ins are held to."""

import pytest

from delegate.confidences.agreement import Agreement
from delegate.confidences.asking import Asking
from delegate.confidences.calibrated import Calibrated
from delegate.confidences.combined import Combined
from delegate.confidences.consistency import Consistency
from delegate.confidences.length import Length
from delegate.confidences.logprob import Logprob
from delegate.confidences.token import Token
from delegate.models.function import FunctionModel
from delegate.testing import check_confidence

FOUR = FunctionModel(name="four", function=lambda _: "4")
DRAW = FunctionModel(name="draw", function=lambda request: str(request.index))


@pytest.mark.parametrize(
    "confidence",
    [
        Agreement(models=(FOUR, DRAW)),
        Asking(model=FOUR),
        Asking(model=DRAW, mode="p_true"),
        Calibrated(confidence=Consistency(model=DRAW), points=((0.2, 0.1), (1.0, 0.9))),
        Calibrated(confidence=Length(), slope=-800.0, intercept=3.0),
        Combined(confidences=(Logprob(), Agreement(models=(DRAW,))), weights=(900.0, -1.5), intercept=-2.0),
        Consistency(model=DRAW),
        Consistency(model=FOUR, draws=2, temperature=0.7),
        Length(),
        Logprob(),
        Logprob(statistic="min"),
        Logprob(statistic="entropy"),
        Token(),
    ],
)
async def test_conformance(confidence):
    await check_confidence(confidence)
