"""Memory that a kernel keeps for its next batch instead of giving it back to the system."""
from __future__ import annotations

import ctypes
import sys

KEPT_BYTES = 256 * 2**20
M_TRIM_THRESHOLD, M_MMAP_THRESHOLD = -1, -3  # malloc.h of the GNU C library; see mallopt(3)


def keep_freed_memory(size: int = KEPT_BYTES) -> bool:
    """Let the allocator keep up to `size` freed bytes at hand.

    As it comes, the GNU C library returns large blocks to the system as soon as they are free. A loop over
    batches then gets new pages for its feature maps in every round, which the system has to fill with zeros:
    up to 40 % of the time of a forward pass of the course's networks, and the more the less regular the
    machine's memory is. The price is that a kernel at rest may hold `size` bytes more.

    Parameters
    ----------
    size : int
        Bytes, up to 2³¹ - 1.

    Returns
    -------
    bool
        Whether it was done; on systems with another C library nothing is changed, and nothing needs to be.
    """
    if not sys.platform.startswith("linux"):
        return False
    mallopt = getattr(ctypes.CDLL(None), "mallopt", None)
    return mallopt is not None and mallopt(M_MMAP_THRESHOLD, size) == 1 and mallopt(M_TRIM_THRESHOLD, size) == 1
