"""The command line: parse, build, call one function; the only place where names meet."""

from __future__ import annotations

import sys

import click

from delegate import __version__
from delegate.cli.lazy import LazyGroup
from delegate.errors import DelegateError

_COMMANDS = {
    "annotate": "annotate",
    "check": "look",
    "collect": "measure",
    "compare": "measure",
    "contract": "contract",
    "demo": "demo",
    "doctor": "look",
    "grade": "recorded",
    "import": "recorded",
    "list": "look",
    "report": "recorded",
    "rollouts": "rollouts",
    "run": "measure",
    "search": "recorded",
    "signals": "signals",
    "sweep": "sweep",
    "train": "train",
}
"""Which module of this package holds a command; it is imported when the command is named."""


@click.group(cls=LazyGroup, modules=_COMMANDS, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(__version__, prog_name="delegate")
def cli() -> None:
    """Let large and small language models share work, and prove what it saves."""


def main(arguments: list[str] | None = None) -> None:
    """Run a command; whatever is wrong with the input is said in one sentence, exit code 2."""
    try:
        code = cli.main(args=arguments, prog_name="delegate", standalone_mode=False)
    except click.ClickException as error:
        error.show()
        sys.exit(2)
    except DelegateError as error:
        click.echo(f"Error: {error}", err=True)
        sys.exit(2)
    except BrokenPipeError:
        sys.stderr.close()
        sys.exit(141)
    except OSError as error:
        click.echo(f"Error: {error.filename or 'a file'}: {error.strerror or error}", err=True)
        sys.exit(2)
    except (click.Abort, KeyboardInterrupt):
        click.echo("Stopped. What was recorded is kept; the same command goes on from there.", err=True)
        sys.exit(130)
    sys.exit(code if isinstance(code, int) else 0)
