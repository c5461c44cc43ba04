"""Seats: who in a policy is trained. The words of that seat are what a trainer sees; all others are masked."""

from __future__ import annotations

from dataclasses import replace
from typing import Literal

from delegate.errors import SpecError
from delegate.model import Model
from delegate.policies.decompose import Decompose
from delegate.policy import Policy

Seat = Literal["delegator", "worker", "synthesiser"]


def seated(policy: Decompose, seat: Seat, model: Model) -> Decompose:
    """The policy with a model in one of its seats: as every worker; as delegator also as synthesiser, if that is it.

    Raises:
        SpecError: the model is a policy, which has no words of its own to train.
    """
    if isinstance(model, Policy):
        raise SpecError(f"the {seat} to train must be a single model, and {model.name!r} is a policy")
    if seat == "worker":
        return replace(policy, workers=(model,) * len(policy.workers))
    return replace(policy, delegator=model) if seat == "delegator" else replace(policy, synthesiser=model)


def roles(policy: Decompose, seat: Seat) -> tuple[str, ...]:
    """In which roles the policy calls the seat: a delegator without a synthesiser beside it makes the answer, too."""
    if seat == "worker":
        return ("worker",)
    if seat == "synthesiser":
        return ("synthesis",)
    return ("delegator", "answer") if policy.synthesiser else ("delegator", "answer", "synthesis")
