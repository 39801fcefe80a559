import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
import torch

import grn
from grn.model.threads import one_thread

# In a process of its own: MKL has to be asked before it is loaded.
_COMPARE = """
import torch
from grn.model.pretrained import find_network
rates = torch.rand(400, 3) @ torch.rand(3, 260)
roots = torch.poisson(3 * rates, generator=torch.Generator().manual_seed(0)).sqrt()
found = []
for n_threads in (1, 2, 3, 4):
    torch.set_num_threads(n_threads)
    found.append(find_network(roots, torch.arange(130)).scores)
assert found[0].std() > 0
print([torch.equal(found[0], other) for other in found[1:]])
"""


@pytest.fixture
def threads() -> Iterator[None]:
    before = torch.get_num_threads()
    yield
    torch.set_num_threads(before)


@pytest.mark.usefixtures("threads")
def test_the_number_of_threads_is_given_back() -> None:
    torch.set_num_threads(3)
    with one_thread():
        assert torch.get_num_threads() == 1
    assert torch.get_num_threads() == 3
    with pytest.raises(RuntimeError), one_thread():
        raise RuntimeError
    assert torch.get_num_threads() == 3


@pytest.mark.skipif(not torch.backends.mkl.is_available(), reason="torch without MKL")
def test_a_network_has_the_same_bits_with_any_number_of_threads() -> None:
    root = Path(grn.__file__).parents[1]
    paths = os.pathsep.join(map(str, (root, root / "kernels")))
    asked = {**os.environ, "MKL_CBWR": "AUTO,STRICT", "PYTHONPATH": paths}
    done = subprocess.run(
        [sys.executable, "-c", _COMPARE], env=asked, capture_output=True, text=True, check=True
    )
    assert done.stdout.strip() == "[True, True, True]"
