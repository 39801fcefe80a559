"""Gives whole heads to threads of their own, which meet once per call instead of in every step.

Torch splits every operation among its threads, which wait for each other at its end. The linear
form is a hundred short operations. On cores that others use too, one of the threads is late at
nearly every one of them: two threads took ten times as long as one (docs/benchmarks.md).
"""

import threading
from collections.abc import Callable

import torch
from torch import Tensor

from flashsign.linear.chunks import Part, parts

ELEMENTS_PER_THREAD = 1 << 19
"""Elements of all queries or keys for each thread: with fewer, others hardly save any time even
where nothing else runs, as a call takes some milliseconds."""


def each_part(q: Tensor, k: Tensor, work: Callable[[Part], None]) -> None:
    """Call `work` with every part of the heads, on as many threads as the size is worth.

    Each thread takes the next part when it is free, and one thread of torch works on it. Where
    there are fewer heads than threads, the threads stay inside the operations, as on a GPU.

    Parameters
    ----------
    q, k
        Queries (B, H, N, d) and keys (B, H, M, d).
    work
        Writes the results of a part and nothing that other parts write or read.
    """
    before = torch.get_num_threads()
    n_elements, n_heads = max(q.numel(), k.numel()), q.shape[0] * q.shape[1]
    n_threads = max(1, min(before, n_elements // ELEMENTS_PER_THREAD))
    if q.device.type != "cpu" or n_heads < n_threads:
        for part in parts(q, k):
            work(part)
        return
    left, lock = iter(parts(q, k, n_threads)), threading.Lock()
    errors: list[BaseException] = []
    inference = torch.is_inference_mode_enabled()

    def take() -> None:
        # A new thread has as many threads of torch as there are cores, records gradients, and may
        # not write into tensors of inference mode.
        torch.set_num_threads(1)
        with torch.inference_mode(inference), torch.no_grad():
            while not errors:
                with lock:
                    part = next(left, None)
                if part is None:
                    return
                try:
                    work(part)
                except BaseException as error:  # noqa: BLE001 - raised again in the first thread
                    errors.append(error)

    others = [threading.Thread(target=take) for _ in range(n_threads - 1)]
    try:
        for thread in others:
            thread.start()
        take()
        for thread in others:
            thread.join()
    finally:
        torch.set_num_threads(before)
    if errors:
        raise errors[0]
