"""The `grn` command, one file per subcommand. The only entry that Hydra has."""

from grn.cli.main import main

__all__ = ["main"]
