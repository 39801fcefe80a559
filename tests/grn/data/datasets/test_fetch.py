"""Downloads: verified, resumed, whole or absent, with a message that helps where offline."""

import hashlib
import socket
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from grn.data.datasets import fetch
from grn.data.datasets.catalogue import Fetchable
from grn.data.datasets.fetch import RemoteFile, fetch_file, fetch_from_record, record_files
from grn.errors import InputError
from tests.helpers import written
from tests.record_server import RecordServer, serving

CONTENT = np.random.default_rng(0).bytes(1_000_000)
PARTIAL = ".x.bin.part"
BLOCK = 1 << 14  # what is received at a time


@pytest.fixture
def server(monkeypatch: pytest.MonkeyPatch) -> Iterator[RecordServer]:
    monkeypatch.setattr(fetch, "_PAUSE", 0.0)
    with serving() as started:
        started.files["x.bin"] = CONTENT
        yield started


def remote(server: RecordServer, size: int = len(CONTENT)) -> RemoteFile:
    return RemoteFile(server.url("x.bin"), f"md5:{hashlib.md5(CONTENT).hexdigest()}", size)


@pytest.fixture
def closed() -> str:
    """An address of this machine that nothing listens at."""
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        return f"http://127.0.0.1:{taken.getsockname()[1]}"


def test_fetched_once(server: RecordServer, tmp_path: Path) -> None:
    path = tmp_path / "new" / "x.bin"
    for _ in range(2):
        assert fetch_file(remote(server), path) == path
        assert path.read_bytes() == CONTENT
    assert server.asked == [("x.bin", None)]
    assert written(tmp_path / "new") == {"x.bin"}


def test_dropped_connections_go_on_where_they_stopped(
    server: RecordServer, tmp_path: Path
) -> None:
    server.cuts = [20 * BLOCK, 30 * BLOCK + 5]
    fetch_file(remote(server), tmp_path / "x.bin")
    assert (tmp_path / "x.bin").read_bytes() == CONTENT
    starts = [None, f"bytes={20 * BLOCK}-", f"bytes={50 * BLOCK}-"]
    assert server.asked == [("x.bin", start) for start in starts]
    assert written(tmp_path) == {"x.bin"}


def test_a_later_call_goes_on(server: RecordServer, tmp_path: Path) -> None:
    server.cuts = [10 * BLOCK] * 3
    with pytest.raises(InputError, match="it was lost"):
        fetch_file(remote(server), tmp_path / "x.bin")
    assert written(tmp_path) == {PARTIAL}
    assert (tmp_path / PARTIAL).read_bytes() == CONTENT[: 30 * BLOCK]
    fetch_file(remote(server), tmp_path / "x.bin")
    assert server.asked[-1] == ("x.bin", f"bytes={30 * BLOCK}-")
    assert (tmp_path / "x.bin").read_bytes() == CONTENT
    assert written(tmp_path) == {"x.bin"}


def test_an_interrupt_keeps_what_came(
    server: RecordServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    import requests

    def interrupted(self: requests.Response, _size: int) -> Iterator[bytes]:
        yield self.raw.read(1000)
        raise KeyboardInterrupt

    with monkeypatch.context() as patched:
        patched.setattr(requests.Response, "iter_content", interrupted)
        with pytest.raises(KeyboardInterrupt):
            fetch_file(remote(server), tmp_path / "x.bin")
    assert written(tmp_path) == {PARTIAL}
    fetch_file(remote(server), tmp_path / "x.bin")
    assert server.asked[-1] == ("x.bin", "bytes=1000-")
    assert (tmp_path / "x.bin").read_bytes() == CONTENT


def test_a_server_without_ranges_starts_again(server: RecordServer, tmp_path: Path) -> None:
    server.ranges = False
    server.cuts = [20 * BLOCK]
    fetch_file(remote(server), tmp_path / "x.bin")
    assert server.asked[-1] == ("x.bin", f"bytes={20 * BLOCK}-")
    assert (tmp_path / "x.bin").read_bytes() == CONTENT


def test_a_whole_partial_is_only_verified(server: RecordServer, tmp_path: Path) -> None:
    (tmp_path / PARTIAL).write_bytes(CONTENT)
    fetch_file(remote(server), tmp_path / "x.bin")
    assert server.asked == []
    assert written(tmp_path) == {"x.bin"}


@pytest.mark.parametrize("wrong", [CONTENT[:-1] + b"\0", CONTENT + b"more"])
def test_another_file_is_refused_and_removed(
    server: RecordServer, tmp_path: Path, wrong: bytes
) -> None:
    assert wrong != CONTENT
    server.files["x.bin"] = wrong
    with pytest.raises(InputError, match="not send the file that its record states"):
        fetch_file(remote(server), tmp_path / "x.bin")
    assert written(tmp_path) == set()
    server.files["x.bin"] = CONTENT
    fetch_file(remote(server), tmp_path / "x.bin")


def test_a_partial_of_a_longer_file_starts_again(server: RecordServer, tmp_path: Path) -> None:
    (tmp_path / PARTIAL).write_bytes(CONTENT + b"more")
    fetch_file(remote(server), tmp_path / "x.bin")
    assert (tmp_path / "x.bin").read_bytes() == CONTENT


def test_a_file_shorter_than_stated_is_no_success(server: RecordServer, tmp_path: Path) -> None:
    with pytest.raises(InputError, match="cannot fetch"):
        fetch_file(remote(server, size=len(CONTENT) + 10), tmp_path / "x.bin")
    # 416 said that the partial is of no use.
    assert written(tmp_path) == set()


def test_a_damaged_copy_is_fetched_again(server: RecordServer, tmp_path: Path) -> None:
    (tmp_path / "x.bin").write_bytes(b"damaged")
    fetch_file(remote(server), tmp_path / "x.bin")
    assert (tmp_path / "x.bin").read_bytes() == CONTENT


def test_unreachable(server: RecordServer, closed: str, tmp_path: Path) -> None:
    missing = remote(server)._replace(url=server.url("y.bin"))
    with pytest.raises(InputError, match=r"y\.bin: the server answered 404 Not Found"):
        fetch_file(missing, tmp_path / "x.bin")
    with pytest.raises(InputError, match=r"cannot fetch .*/x\.bin: no connection.*offline"):
        fetch_file(remote(server)._replace(url=f"{closed}/x.bin"), tmp_path / "x.bin")
    assert written(tmp_path) == set()
    (tmp_path / "file").write_text("no folder")
    with pytest.raises(InputError, match="cannot be written"):
        fetch_file(remote(server), tmp_path / "file" / "x.bin")


def test_the_record_says_what_its_files_are(server: RecordServer) -> None:
    server.add_record({"a.zip": b"abc"})
    # RFC 1321 gives this digest.
    digest = "md5:900150983cd24fb0d6963f7d28e17f72"
    stated = RemoteFile(server.url("content/a.zip"), digest, 3)
    assert record_files(server.url("record")) == {"a.zip": stated}
    for answer in (b"<html>", b"{}", b'{"files": [{"key": "a.zip"}]}', b"[]"):
        server.files["record"] = answer
        with pytest.raises(InputError, match="in a form that is not known"):
            record_files(server.url("record"))
    with pytest.raises(InputError, match="answered 404"):
        record_files(server.url("elsewhere"))


def test_without_a_connection_the_way_by_hand_is_said_and_works(
    server: RecordServer,
    closed: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    offline = Fetchable("x", "a file", f"{closed}/record", "https://doi.org/10/x", ("a.zip",))
    path = tmp_path / "grn" / "downloads" / "a.zip"
    with pytest.raises(InputError) as error:
        fetch_from_record(offline, "a.zip")
    for part in ("no connection", "a.zip", "https://doi.org/10/x", f"put it at {path}."):
        assert part in str(error.value)
    path.parent.mkdir(parents=True)
    path.write_bytes(b"by hand")
    assert fetch_from_record(offline, "a.zip") == path
    assert "without verifying its checksum" in caplog.text

    # Within reach of the record, a file put there is verified, and replaced where it differs.
    server.add_record({"a.zip": b"abc"})
    online = Fetchable("x", "a file", server.url("record"), "https://doi.org/10/x", ("a.zip",))
    assert fetch_from_record(online, "a.zip").read_bytes() == b"abc"
    with pytest.raises(InputError, match=r"lists no b\.zip; it has a\.zip"):
        fetch_from_record(online, "b.zip")
