"""The `grn` command, one file per subcommand; Hydra is started from nowhere else."""

from grn.cli.main import main

__all__ = ["main"]
