"""Longest gap between two events of running streams: undisturbed, and while models are loaded, switched and unloaded.

    python steering_gap.py --daemon http://127.0.0.1:8000 --ctl ctl/vllmctl --second FOLDER [--streams 4] [--rounds 3]

Needs nothing but Python. VLLMD_HOME tells vllmctl which daemon; the daemon must serve a default model.
"""

import argparse
import http.client
import json
import subprocess
import threading
import time
from urllib.parse import urlsplit

STORIES = ["a cat", "a river", "the moon", "a clock", "snow", "a baker", "two friends", "a train"]


def stream(address, subject, until, gaps):
    """Streams answers one after the other until told to stop; appends each gap inside an answer, in seconds."""
    while not until.is_set():
        connection = http.client.HTTPConnection(address.hostname, address.port)
        connection.request(
            "POST",
            "/v1/chat/completions",
            json.dumps({
                "stream": True, "temperature": 0, "max_tokens": 400,
                "messages": [{"role": "user", "content": f"Tell me a short story about {subject}."}],
            }),
            {"Content-Type": "application/json"},
        )
        response, last = connection.getresponse(), None
        for line in response:
            if line.startswith(b"data: {"):
                now = time.perf_counter()
                if last is not None:
                    gaps.append(now - last)
                last = now
        connection.close()


def measure(arguments, action):
    address, until = urlsplit(arguments.daemon), threading.Event()
    gaps = [[] for _ in range(arguments.streams)]
    clients = [
        threading.Thread(target=stream, args=(address, STORIES[i % len(STORIES)], until, gaps[i]))
        for i in range(arguments.streams)
    ]
    for client in clients:
        client.start()
    time.sleep(1)
    action()
    until.set()
    for client in clients:
        client.join()
    every = sorted(gap for each in gaps for gap in each)
    return every[-1] * 1e3, every[int(len(every) * 0.99)] * 1e3, every[len(every) // 2] * 1e3, len(every)


def main():
    arguments = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    arguments.add_argument("--daemon", required=True)
    arguments.add_argument("--ctl", required=True)
    arguments.add_argument("--second", required=True)
    arguments.add_argument("--streams", type=int, default=4)
    arguments.add_argument("--rounds", type=int, default=3)
    arguments = arguments.parse_args()

    def ctl(*words):
        subprocess.run([arguments.ctl, *words], check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)

    def steer():
        ctl("load", arguments.second, "--name", "second")
        ctl("switch", "second")
        ctl("switch", first)
        ctl("unload", "second")

    models = http.client.HTTPConnection(urlsplit(arguments.daemon).netloc)
    models.request("GET", "/v1/models")
    first = json.load(models.getresponse())["data"][0]["id"]
    print("                      longest    p99   median gap, ms   events")
    for _ in range(arguments.rounds):
        for name, action in [("undisturbed", lambda: time.sleep(3)), ("load, switch, unload", steer)]:
            longest, p99, median, events = measure(arguments, action)
            print(f"{name:20}  {longest:7.1f}  {p99:5.1f}  {median:7.2f}            {events:7}")


main()
