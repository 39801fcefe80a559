"""Explains after Ctrl+C what was kept and how to continue from it."""

from pathlib import Path


def how_to_go_on(folder: Path, *, without: str | None = None, added: str | None = None) -> str:
    """Return what an interrupted run left in its folder, and which command continues it.

    Parameters
    ----------
    folder
        Folder of the run.
    without
        Argument of the command that would discard the folder, such as `--overwrite`.
    added
        Argument that names the folder, if the command did not name it.
    """
    from grn.runs.folder import CONFIG, LAST_CHECKPOINT
    from grn.training.fit import step_of

    if not (folder / CONFIG).exists():
        return "interrupted before anything was written; the same command starts again"
    checkpoint = folder / LAST_CHECKPOINT
    if not checkpoint.exists():
        return "interrupted before any step was saved; the same command starts again"
    changes = [f"without {without}"] if without else []
    changes += [f"with {added}"] if added else []
    command = " ".join(["the same command", " and ".join(changes)]).strip()
    return f"interrupted; {command} continues from the last saved step, {step_of(checkpoint)}"
