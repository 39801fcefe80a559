"""Which process of a training this one is, by what torchrun, SLURM or Lightning have set."""

import os
from dataclasses import dataclass


@dataclass(frozen=True)
class Launched:
    """The processes of one training that were started together.

    Attributes
    ----------
    by
        Who started them: torchrun, SLURM (`srun`), Lightning, or nobody.
    is_first
        Whether this process writes the result; the others only help to train.
    n_processes
        How many there are in all; None where Lightning starts the others of this machine.
    """

    by: str | None
    is_first: bool
    n_processes: int | None


def launched() -> Launched:
    """Return by whom this process was started, from its environment.

    Examples
    --------
    >>> from grn.launched import launched
    >>> launched().is_first
    True
    """
    found = os.environ
    if "TORCHELASTIC_RUN_ID" in found:
        return Launched("torchrun", found["RANK"] == "0", int(found["WORLD_SIZE"]))
    # As Lightning decides it: an interactive shell has these variables for all of its commands.
    interactive = found.get("SLURM_JOB_NAME") in ("bash", "interactive")
    if "SLURM_NTASKS" in found and "SLURM_PROCID" in found and not interactive:
        first = found["SLURM_PROCID"] == "0"
        return Launched("SLURM", first, int(found["SLURM_NTASKS"]))
    ranks = [found.get(name, "0") for name in ("LOCAL_RANK", "NODE_RANK")]
    by = "Lightning" if "LOCAL_RANK" in found or "NODE_RANK" in found else None
    return Launched(by, all(rank == "0" for rank in ranks), None)
