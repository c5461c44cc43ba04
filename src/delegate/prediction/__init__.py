"""What can be told before asking: how likely each model is right on a question, from its text and perhaps an answer.

Fitted by `delegate train route`, served by the route and the confidence `learned`. Both read texts through `read`.
"""

from .predictor import Head, Predictor, Reading, Tree, load, read

__all__ = ["Head", "Predictor", "Reading", "Tree", "load", "read"]
