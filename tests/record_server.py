"""A local server, and a stand-in of BEELINE's record on it, for tests that fetch."""

import hashlib
import io
import json
import threading
import zipfile
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import numpy as np
import pytest

MANIFEST = Path(__file__).resolve().parents[1] / "data" / "datasets.yaml"
API = "https://zenodo.org/api/records/3701939"


class RecordServer:
    """Serves `files`, and remembers which path was asked for and from which byte on."""

    def __init__(self, address: str) -> None:
        self.address = address
        self.files: dict[str, bytes] = {}
        self.ranges = True
        """Whether a part of a file can be had."""
        self.cuts: list[int] = []
        """Bytes after which the next answers break off, one for each."""
        self.asked: list[tuple[str, str | None]] = []

    def url(self, path: str) -> str:
        return f"{self.address}/{path}"

    def add_record(self, archives: dict[str, bytes]) -> None:
        """Serve archives as Zenodo does: their JSON at `record`, with MD5 checksums."""
        stated = []
        for name, content in archives.items():
            self.files[f"content/{name}"] = content
            checksum = f"md5:{hashlib.md5(content).hexdigest()}"
            links = {"self": self.url(f"content/{name}")}
            stated.append(
                {"key": name, "size": len(content), "checksum": checksum, "links": links}
            )
        self.files["record"] = json.dumps({"files": stated}).encode()


@contextmanager
def serving() -> Iterator[RecordServer]:
    """Run a server of this machine alone."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            path, wanted = self.path.strip("/"), self.headers.get("Range")
            server.asked.append((path, wanted))
            if path not in server.files:
                self.send_error(404)
                return
            content, start = server.files[path], 0
            if wanted is not None and server.ranges:
                start = int(wanted.removeprefix("bytes=").removesuffix("-"))
                if start >= len(content):
                    self.send_error(416)
                    return
                self.send_response(206)
                last = len(content) - 1
                self.send_header("Content-Range", f"bytes {start}-{last}/{len(content)}")
            else:
                self.send_response(200)
            self.send_header("Content-Length", str(len(content) - start))
            self.end_headers()
            sent = server.cuts.pop(0) if server.cuts else None
            self.wfile.write(content[start:][:sent])

        def log_message(self, *_arguments: object) -> None:
            """Stay silent."""

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as http:
        server = RecordServer(f"http://127.0.0.1:{http.server_port}")
        thread = threading.Thread(target=http.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        try:
            yield server
        finally:
            http.shutdown()
            thread.join()


@contextmanager
def record_of_beeline(
    monkeypatch: pytest.MonkeyPatch, folder: Path
) -> Iterator[tuple[RecordServer, Path]]:
    """Serve the stand-in in place of the real record; also give the cache, an empty folder.

    No other data is found: `GRN_DATA` names an empty folder.
    """
    from grn.data.datasets import catalogue, fetch

    with serving() as server:
        server.add_record(
            {"BEELINE-data.zip": cells_zip(), "BEELINE-Networks.zip": networks_zip()}
        )
        manifest = folder / "manifest" / "datasets.yaml"
        manifest.parent.mkdir()
        stated = MANIFEST.read_text(encoding="utf-8")
        manifest.write_text(stated.replace(API, server.url("record")), encoding="utf-8")
        monkeypatch.setattr(catalogue, "manifest_path", lambda: manifest)
        monkeypatch.setattr(fetch, "_PAUSE", 0.0)
        (folder / "empty").mkdir()
        monkeypatch.setenv("GRN_DATA", str(folder / "empty"))
        monkeypatch.setenv("XDG_CACHE_HOME", str(folder / "cache"))
        yield server, folder / "cache" / "grn"


# Name, p-value, variance. Twelve genes: Bonferroni's bound is 0.01 / 12 = 0.00083.
GENES = [
    ("SOX2", 1e-9, 0.1),
    ("GATA1", 1e-4, 9.0),
    ("MYC", 5e-3, 8.0),  # a TF that does not vary enough
    ("AAA", 1e-9, 1.0),
    ("BBB", 1e-5, 4.0),
    ("CCC", 8e-4, 3.0),
    ("DDD", 9e-4, 7.0),  # passes without Bonferroni's correction only
    ("EEE", 1e-9, 2.0),
    ("KLF4", 1e-8, 0.5),
    ("GGG", 0.7, 5.0),
    ("HHH", 0.02, 6.0),
    ("III", 1e-7, 2.5),
]
SETS = ("hESC", "hHep", "mDC", "mESC", "mHSC-E", "mHSC-GM", "mHSC-L")
N_CELLS = 25


def cells_zip() -> bytes:
    """BEELINE-data.zip of few cells and genes; mESC's genes are spelt as mouse genes are."""
    members = {"BEELINE-data/inputs/Synthetic/dyn-LI/ExpressionData.csv": ",E1\ng1,0\n"}
    values = np.random.default_rng(0).gamma(1.0, size=(len(GENES), N_CELLS))
    for name in SETS:
        genes = [gene.capitalize() if name == "mESC" else gene for gene, _, _ in GENES]
        folder = f"BEELINE-data/inputs/scRNA-Seq/{name}"
        header = ",".join(["", *(f"cell{i}" for i in range(N_CELLS))])
        rows = [f"{g}," + ",".join(map(str, row)) for g, row in zip(genes, values, strict=True)]
        members[f"{folder}/ExpressionData.csv"] = "\n".join([header, *rows]) + "\n"
        order = [f"{g},{p},{v}" for g, (_, p, v) in zip(genes, GENES, strict=True)]
        members[f"{folder}/GeneOrdering.csv"] = "\n".join([",VGAMpValue,Variance", *order]) + "\n"
    return zipped(members)


def networks_zip() -> bytes:
    """BEELINE-Networks.zip with TF lists and networks in upper case."""
    members = {
        f"{species}-tfs.csv": "TF\nGATA1\nKLF4\nMYC\nSOX2\n" for species in ("human", "mouse")
    }
    edges = "SOX2,GATA1\nSOX2,SOX2\nSOX2,GATA1\nSOX2,MYC\nGATA1,AAA\nUNKNOWN,AAA\nGATA1,SOX2\n"
    for path in (
        "human/STRING", "human/Non-specific-ChIP-seq", "human/hESC-ChIP-seq",
        "human/HepG2-ChIP-seq", "mouse/STRING", "mouse/Non-Specific-ChIP-seq",
        "mouse/mDC-ChIP-seq", "mouse/mESC-ChIP-seq", "mouse/mHSC-ChIP-seq", "mouse/mESC-lofgof",
    ):  # fmt: skip
        members[f"Networks/{path}-network.csv"] = f"Gene1,Gene2\n{edges}"
    return zipped(members)


def zipped(members: dict[str, str]) -> bytes:
    """Return a zip archive with these texts."""
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, text in members.items():
            archive.writestr(name, text)
    return packed.getvalue()
