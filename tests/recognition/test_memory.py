import subprocess
import sys

import pytest

PROGRAM = """
import sys
import threading
from recognition.memory import give_large_blocks_back

def resident_mb():
    with open("/proc/self/statm") as statm:
        return int(statm.read().split()[1]) * 4 / 1024

def work():
    for size in (2, 8, 20, 30):
        kept.append(bytearray(size << 20)[:200_000])
        kept[-1][:] = bytes(200_000)

if sys.argv[1] == "give back":
    give_large_blocks_back()
kept = []
bytearray(31 << 20)
before = resident_mb()
for _ in range(6):
    thread = threading.Thread(target=work)
    thread.start()
    thread.join()
print(resident_mb() - before)
"""


def grown_by(how):
    done = subprocess.run([sys.executable, "-c", PROGRAM, how], capture_output=True, text=True, check=True)
    return float(done.stdout)


@pytest.mark.skipif(sys.platform != "linux", reason="glibc's allocator is what is set")
def test_freed_blocks_of_working_memory_go_back_to_the_system():
    assert grown_by("give back") < 10
    assert grown_by("leave as it is") > grown_by("give back")
