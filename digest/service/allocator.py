"""Memory that goes back to the system: many short-lived threads draw pictures in this process.

glibc gives each thread an arena of its own and learns to keep large blocks for the next use; after
a thousand digests that is 30 MB which nobody uses.
"""

from __future__ import annotations

import ctypes

_TRIM_THRESHOLD, _MMAP_THRESHOLD, _ARENA_MAX = -1, -3, -8  # malloc.h; naming one stops its growth
_LARGE = 128 * 1024
_ARENAS = 2


def give_back() -> bool:
    """Have malloc return large blocks at once and share two arenas; False where it is not glibc's.

    To be called before there are threads.
    """
    try:
        mallopt = ctypes.CDLL(None).mallopt
    except (AttributeError, OSError, TypeError):
        return False
    wishes = ((_ARENA_MAX, _ARENAS), (_MMAP_THRESHOLD, _LARGE), (_TRIM_THRESHOLD, _LARGE))
    done = [mallopt(what, value) == 1 for what, value in wishes]
    return all(done)
