"""Several processes and machines: they train what one trains, and what cannot be is refused."""

import json
import os
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path

import torch
from row import Row

_ROOT = Path(__file__).resolve().parents[2]
_TRAIN = (
    *("data=demo", "logger=none", "report=false", "callbacks.progress_bar=null"),
    *("trainer.accelerator=cpu", "trainer.max_steps=50"),
)
# Of the parameters of the predictor, in units of its largest one; edges have to be the same bytes.
_TOLERANCE = 1e-5
_SECONDS = 900
_QUIET = {"stdout": subprocess.DEVNULL, "stderr": subprocess.PIPE, "text": True}
_PORT = 29411


def rows(*, short: bool) -> Iterator[Row]:
    """Yield a row for every way to start several processes."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        yield _refusals(folder)
        one = _train(folder / "one", _command())
        two = _train(folder / "two", _command("trainer.devices=2", "trainer.strategy=ddp"))
        yield _like("grn train, trainer.devices=2 trainer.strategy=ddp", [(one, two)])
        if short:
            return
        yield _like("torchrun, 2 processes", [(one, _torchrun(folder / "torchrun"))])
        yield _like("torchrun, 2 nodes of localhost", [(one, _two_nodes(folder / "nodes"))])
        yield _like("variables of SLURM, 2 tasks of localhost", [(one, _slurm(folder / "slurm"))])
        if _can_make_hosts():
            yield _like("torchrun, 2 hosts in network namespaces", [(one, _hosts(folder / "h"))])
        alone = [_train(folder / f"seed{seed}", _command(f"seed={seed}")) for seed in (0, 1)]
        yield from (_sweep(folder, launcher, alone) for launcher in ("joblib", "submitit_local"))


def _refusals(folder: Path) -> Row:
    """Ask for what this machine does not have, and for what does not fit."""
    asked = {
        "trainer.devices=999": "this machine has",
        "trainer.accelerator=gpu trainer.devices=99": "this machine has",
        "trainer.devices=2 data.loader.minibatch_size=63": "multiple of the 2 processes",
        "trainer.devices=2 trainer.strategy=fsdp": "ddp for several processes",
        "trainer.devices=auto": "a whole number",
    }
    survived = 0
    for number, (overrides, expected) in enumerate(asked.items()):
        run = folder / f"refused{number}"
        command = [*_command(*overrides.split()), f"hydra.run.dir={run}"]
        ended = subprocess.run(command, capture_output=True, text=True, check=False, env=_env())
        clean = "Traceback" not in ended.stderr and not run.exists()
        survived += ended.returncode == 2 and expected in ended.stderr and clean
    return Row("settings that cannot be are refused with a sentence", len(asked), survived)


def _command(*overrides: str) -> list[str]:
    return [sys.executable, str(_ROOT / "train.py"), *_TRAIN, *overrides]


def _env(**changes: str) -> dict[str, str]:
    """Return an environment of one thread per process, without what another launcher set."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith("SLURM")}
    return {**kept, "OMP_NUM_THREADS": "1", "WANDB_MODE": "disabled", **changes}


def _train(folder: Path, command: list[str], *further: Mapping[str, str]) -> Path:
    """Run a command once for every further environment, at once, and return its run folder."""
    command = [*command, f"hydra.run.dir={folder}"]
    return _at_once(folder, [(command, changes) for changes in (further or ({},))])


def _torchrun(folder: Path) -> Path:
    torchrun = [sys.executable, "-m", "torch.distributed.run", "--standalone"]
    rest = _command("trainer.devices=2")[1:]
    return _train(folder, [*torchrun, "--nproc-per-node=2", *rest])


def _two_nodes(folder: Path) -> Path:
    """Start torchrun once per node, as one would on two machines with one folder in common."""
    nodes = [_node(folder, number, f"127.0.0.1:{_PORT}") for number in (0, 1)]
    return _at_once(folder, [(node, {}) for node in nodes])


def _node(folder: Path, number: int, first: str, *more: str) -> list[str]:
    """Return the command of one of two nodes, which meet at the address of the first."""
    torchrun = [sys.executable, "-m", "torch.distributed.run", "--nnodes=2", "--nproc-per-node=1"]
    address, _, port = first.partition(":")
    meeting = (f"--node-rank={number}", f"--master-addr={address}", f"--master-port={port}")
    rest = [*_command("trainer.num_nodes=2")[1:], f"hydra.run.dir={folder}"]
    return [*torchrun, *meeting, *more, *rest]


def _at_once(folder: Path, commands: Sequence[tuple[list[str], Mapping[str, str]]]) -> Path:
    """Run commands in their environments side by side, and return the folder of their run."""
    started = [
        subprocess.Popen(command, env=_env(**changes), **_QUIET) for command, changes in commands
    ]
    for one in started:
        _, said = one.communicate(timeout=_SECONDS)
        if one.returncode:
            sys.stderr.write(said)
    return folder


def _slurm(folder: Path) -> Path:
    """Set what `srun --ntasks=2` sets, from which Lightning reads who is who."""
    both = {
        **{"SLURM_NTASKS": "2", "SLURM_NTASKS_PER_NODE": "2", "SLURM_JOB_NAME": "grn"},
        **{"SLURM_JOB_ID": "12345", "SLURM_NODELIST": "127.0.0.1", "SLURM_NODEID": "0"},
        **{"SLURM_NNODES": "1", "MASTER_ADDR": "127.0.0.1", "MASTER_PORT": str(_PORT + 1)},
    }
    tasks = [{**both, "SLURM_PROCID": rank, "SLURM_LOCALID": rank} for rank in ("0", "1")]
    return _train(folder, _command("trainer.devices=2"), *tasks)


def _can_make_hosts() -> bool:
    """Return whether this user may make network namespaces."""
    if shutil.which("ip") is None or os.geteuid() != 0:
        return False
    made = subprocess.run(["ip", "netns", "add", "grn-try"], capture_output=True, check=False)
    subprocess.run(["ip", "netns", "del", "grn-try"], capture_output=True, check=False)
    return made.returncode == 0


@contextmanager
def _two_hosts() -> Iterator[None]:
    """Make two hosts with an address each and a cable between them, and remove them."""
    hosts = ("grn-a", "grn-b")
    lines = ["link add grn0 type veth peer name grn1"]
    for number, host in enumerate(hosts):
        inside = f"netns exec {host} ip"
        lines = [f"netns add {host}", *lines]
        lines += [
            f"link set grn{number} netns {host}",
            f"{inside} addr add 10.77.0.{number + 1}/24 dev grn{number}",
            f"{inside} link set lo up",
            f"{inside} link set grn{number} up",
        ]
    try:
        for line in lines:
            subprocess.run(["ip", *line.split()], check=True, capture_output=True)
        yield
    finally:
        for host in hosts:
            subprocess.run(["ip", "netns", "del", host], check=False, capture_output=True)


def _hosts(folder: Path) -> Path:
    """Start torchrun on each of two hosts that share this machine's disk and nothing else."""
    commands = []
    for number, host in enumerate(("grn-a", "grn-b")):
        inside = ["ip", "netns", "exec", host, "env", f"GLOO_SOCKET_IFNAME=grn{number}"]
        own = ("--local-addr", f"10.77.0.{number + 1}")
        node = _node(folder, number, f"10.77.0.1:{_PORT + 2}", *own)
        commands.append(([*inside, *node], {}))
    with _two_hosts():
        return _at_once(folder, commands)


def _like(what: str, pairs: list[tuple[Path, Path]]) -> Row:
    """Compare runs with those of one process: edges by bytes, parameters up to rounding."""
    survived, worst, seconds = 0, 0.0, []
    for one, other in pairs:
        if not (other / "edges.tsv").exists():
            continue
        same = (one / "edges.tsv").read_bytes() == (other / "edges.tsv").read_bytes()
        difference = _largest_difference(*(_parameters(run) for run in (one, other)))
        ended = json.loads((other / "run.jsonl").read_text().splitlines()[-1])
        survived += same and difference <= _TOLERANCE and ended["exit"] == 0
        worst = max(worst, difference)
        seconds.append(f"{ended['seconds']:.0f}")
    figures = f"edges the same bytes, parameters {worst:.0e} apart, {', '.join(seconds)} s"
    return Row(what, len(pairs), survived, figures)


def _parameters(run: Path) -> dict[str, torch.Tensor]:
    file = run / "checkpoints/best.ckpt"
    stored = torch.load(file, map_location="cpu", weights_only=True)["state_dict"]
    return {name: value.double() for name, value in stored.items()}


def _largest_difference(one: dict[str, torch.Tensor], other: dict[str, torch.Tensor]) -> float:
    """Return the largest difference of parameters, as a share of the largest parameter."""
    largest = max(float(value.abs().max()) for value in one.values())
    return max(float((one[name] - other[name]).abs().max()) for name in one) / largest


def _sweep(folder: Path, launcher: str, alone: list[Path]) -> Row:
    """Sweep over two seeds with jobs side by side, and compare each with its own run."""
    started = time.perf_counter()
    place = folder / launcher
    train, *settings = _command("seed=0,1", f"hydra/launcher={launcher}")[1:]
    # Before the settings: what follows -m after some of them is none to Hydra.
    sweep = [sys.executable, train, "-m", *settings, f"hydra.sweep.dir={place}"]
    ended = subprocess.run(sweep, capture_output=True, text=True, check=False, env=_env())
    if ended.returncode:
        sys.stderr.write(ended.stderr)
    took = time.perf_counter() - started
    same = sum(
        (place / f"{seed}/edges.tsv").exists()
        and (place / f"{seed}/edges.tsv").read_bytes() == (run / "edges.tsv").read_bytes()
        for seed, run in enumerate(alone)
    )
    return Row(
        f"jobs of a sweep side by side, hydra/launcher={launcher}", 2, same, f"{took:.0f} s"
    )
