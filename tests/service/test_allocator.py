from __future__ import annotations

import platform
import subprocess
import sys

import pytest

PICTURES = """
import re, sys, threading
from pathlib import Path
from digest.service.allocator import give_back

def resident():
    return int(re.search(r"VmRSS:\\s+(\\d+)", Path("/proc/self/status").read_text())[1])

def draw():
    for _ in range(5):
        rows = [bytearray(b"x" * size) for size in (3_000_000, 400_000)]
        kept.append(bytearray(rows[1][:60_000]))  # above it in the same arena
        del rows

if sys.argv[1] == "yes":
    assert give_back()
kept, before = [], resident()
together = threading.Barrier(8)
def work():
    for _ in range(4):
        together.wait()
        draw()
threads = [threading.Thread(target=work) for _ in range(8)]
for thread in threads:
    thread.start()
for thread in threads:
    thread.join()
print(resident() - before - sum(map(len, kept)) // 1024)
"""


def left_over(*, give_back: bool) -> int:
    """kB that a process keeps of what its threads have freed."""
    arguments = [sys.executable, "-c", PICTURES, "yes" if give_back else "no"]
    done = subprocess.run(arguments, check=True, capture_output=True, text=True)
    return int(done.stdout)


@pytest.mark.skipif(platform.libc_ver()[0] != "glibc", reason="another malloc")
def test_what_threads_have_freed_goes_back_to_the_system() -> None:
    usual, ours = left_over(give_back=False), left_over(give_back=True)

    assert ours < 5_000, (ours, usual)
