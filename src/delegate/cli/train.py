"""`delegate train ...`: what can be trained, a module each."""

from __future__ import annotations

import click

from delegate.cli.lazy import LazyGroup

_COMMANDS: dict[str, str] = {"confidence": "train_confidence", "delegator": "train_delegator", "route": "train_route"}
"""Which module of this package holds a command."""


@click.group("train", cls=LazyGroup, modules=_COMMANDS)
def train_() -> None:
    """Train what a policy decides with."""
