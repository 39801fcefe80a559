"""Gives every job that knows no edge its cells, and a transfer those of another data set."""

from grn.benchmark.grid import SOURCES, Grid
from grn.benchmark.methods import TRANSFER
from grn.benchmark.predict import Cells, Known, Predictor, Task
from grn.training.run_folder import fingerprint


def plan_blind(grid: Grid, predictor: Predictor) -> list[Task]:
    """Plan the jobs of a data set that know no edge.

    Where the other data set of a transfer cannot be read, that is reported and the others are run.

    Parameters
    ----------
    grid
        What is asked.
    predictor
        Of the data set.
    """
    dataset = predictor.cells.name
    tasks = [Task(job, dataset) for job in grid.jobs(dataset) if job.method.name != TRANSFER]
    transfers = [job for job in grid.jobs(dataset) if job.method.name == TRANSFER]
    if transfers:
        source, known = SOURCES[dataset], None
        with predictor.failures.caught(f"{TRANSFER} from {source} to {dataset}"):
            known = _trained_on(Cells.read(source, ()))
        if known is None:
            predictor.skip(len(transfers))
        else:
            on = f"{dataset}, trained on {source}"
            tasks += [Task(job, on, known) for job in transfers]
    return tasks


def _trained_on(cells: Cells) -> Known:
    digest = " ".join([fingerprint(cells.adata), *cells.tfs])
    return Known({"source": cells.adata, "source_tfs": cells.tfs}, digest, cells.name)
