"""Start-up of an assembled layout: port open, first answer, resident memory; and the time of `vllmctl status`.

    python startup.py [--layout daemon/target/dist] [--rounds 5]

Every round starts a daemon under a home of its own on a free port. Needs nothing but Python.
"""

import argparse
import json
import os
import socket
import statistics
import subprocess
import tempfile
import time
import urllib.error
import urllib.request


def free_port():
    with socket.create_server(("127.0.0.1", 0)) as server:
        return server.getsockname()[1]


def answers(port):
    body = json.dumps({"messages": [{"role": "user", "content": "Hello"}], "max_tokens": 1}).encode()
    try:
        urllib.request.urlopen(f"http://127.0.0.1:{port}/v1/chat/completions", body).read()
        return True
    except (urllib.error.URLError, OSError):
        return False


def is_open(port):
    try:
        socket.create_connection(("127.0.0.1", port), 0.2).close()
        return True
    except OSError:
        return False


def wait(condition, port, pause):
    while not condition(port):
        time.sleep(pause)


def main():
    arguments = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    arguments.add_argument("--layout", default="daemon/target/dist")
    arguments.add_argument("--rounds", type=int, default=5)
    arguments = arguments.parse_args()
    opened, ready, resident, status = [], [], [], []
    for _ in range(arguments.rounds):
        with tempfile.TemporaryDirectory() as home:
            environment = dict(os.environ, VLLMD_HOME=home)
            port, begin = free_port(), time.perf_counter()
            daemon = subprocess.Popen(
                [f"{arguments.layout}/bin/vllmd", "--port", str(port)], env=environment, stdout=subprocess.DEVNULL
            )
            wait(is_open, port, 0.002)
            opened.append(time.perf_counter() - begin)
            wait(answers, port, 0.01)
            ready.append(time.perf_counter() - begin)
            with open(f"/proc/{daemon.pid}/status") as lines:
                resident.append(next(int(line.split()[1]) for line in lines if line.startswith("VmRSS")) / 1024)
            for _ in range(20 // arguments.rounds + 1):
                begin = time.perf_counter()
                subprocess.run([f"{arguments.layout}/bin/vllmctl", "status"], env=environment, stdout=subprocess.DEVNULL)
                status.append(time.perf_counter() - begin)
            daemon.terminate()
            daemon.wait()
    for name, values, unit, scale in [
        ("port open", opened, "ms", 1e3), ("first answer", ready, "ms", 1e3),
        ("resident memory", resident, "MiB", 1), ("vllmctl status", status, "ms", 1e3),
    ]:
        low, middle, high = min(values) * scale, statistics.median(values) * scale, max(values) * scale
        print(f"{name:16} median {middle:7.0f} {unit}   lowest {low:7.0f}   highest {high:7.0f}   of {len(values)}")


main()
