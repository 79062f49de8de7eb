"""Memory is kept from step to step: what a tensor frees, the next one gets without asking the system."""

import platform
import subprocess
import sys

import pytest

_FAULTS_OF_LAST_ROUND = """
import resource, sys, torch
from pretrain.keep_memory import keep_memory

def faults(size_mib):
    before = resource.getrusage(resource.RUSAGE_SELF).ru_minflt
    tensors = [torch.empty(size_mib * 2**20, dtype=torch.uint8).fill_(1) for _ in range(3)]
    del tensors
    return resource.getrusage(resource.RUSAGE_SELF).ru_minflt - before

if sys.argv[1] == "keep":
    assert keep_memory()
print([faults(size_mib) for size_mib in (96, 64, 48)][-1])
"""


def _faults_of_last_round(how: str) -> int:
    done = subprocess.run([sys.executable, "-c", _FAULTS_OF_LAST_ROUND, how], capture_output=True, text=True, check=True)
    return int(done.stdout)


@pytest.mark.skipif(platform.libc_ver()[0] != "glibc", reason="only the GNU C library can be asked to keep memory")
def test_large_tensors_get_the_memory_of_those_before_them() -> None:
    pages = 3 * 48 * 2**20 // 4096
    assert _faults_of_last_round("keep") < pages / 100
    assert _faults_of_last_round("as it is") > pages / 2
