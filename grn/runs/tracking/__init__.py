"""Records runs, benchmarks and pretraining in wandb or with another logger of Lightning."""

from grn.runs.tracking.begin import build_logger, log_references, log_start
from grn.runs.tracking.campaigns import log_benchmark, log_pretraining, name_pretraining
from grn.runs.tracking.pictures import attention_pictures
from grn.runs.tracking.result import log_result
from grn.runs.tracking.tracker import Tracker, wandb_logger

__all__ = [
    "Tracker",
    "attention_pictures",
    "build_logger",
    "log_benchmark",
    "log_pretraining",
    "log_references",
    "log_result",
    "log_start",
    "name_pretraining",
    "wandb_logger",
]
