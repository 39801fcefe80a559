"""Says after Ctrl+C what is kept and how to go on from it."""

from pathlib import Path


def how_to_go_on(folder: Path, *, without: str | None = None, added: str | None = None) -> str:
    """Say what an interrupted run left in its folder, and which command goes on from there.

    Parameters
    ----------
    folder
        Of the run.
    without
        Argument of the command that would discard it, such as `--overwrite`.
    added
        Argument that names the folder, where the command does not.
    """
    from grn.runs.folder import CONFIG, LAST_CHECKPOINT
    from grn.training.fit import step_of

    if not (folder / CONFIG).exists():
        return "interrupted before anything was written; the same command begins anew"
    checkpoint = folder / LAST_CHECKPOINT
    if not checkpoint.exists():
        return "interrupted before a step was kept; the same command begins anew"
    changes = [f"without {without}"] if without else []
    changes += [f"with {added}"] if added else []
    command = " ".join(["the same command", " and ".join(changes)]).strip()
    return f"interrupted; {command} goes on from what is complete: step {step_of(checkpoint)}"
