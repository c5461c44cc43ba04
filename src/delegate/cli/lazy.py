"""A group of commands whose modules are imported when a command is named."""

from __future__ import annotations

import importlib
from collections.abc import Mapping
from typing import Any

import click


class LazyGroup(click.Group):
    """Holds, for each command, the module of this package that defines it as `<command>_`."""

    def __init__(self, *args: Any, modules: Mapping[str, str], **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._modules = modules

    def list_commands(self, ctx: click.Context) -> list[str]:
        """All names, sorted."""
        return sorted(self._modules)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """Import a command; `None` for an unknown name."""
        if cmd_name not in self._modules:
            return None
        module = importlib.import_module(f"delegate.cli.{self._modules[cmd_name]}")
        command: click.Command = getattr(module, f"{cmd_name}_")
        return command

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        """As click does it, with a suggestion where a name is unknown."""
        try:
            return super().resolve_command(ctx, args)
        except click.UsageError as error:
            from delegate.registry import suggest

            raise click.UsageError(f"no command {args[0]!r}{suggest(args[0], self._modules)}", ctx) from error
