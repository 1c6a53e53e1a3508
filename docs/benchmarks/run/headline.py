"""Ten prompts at once, 64 tokens each, temperature 0: a running daemon and mlx-lm in the same run, with the ratio.

    pip install -r requirements.txt
    python headline.py --model FOLDER [--daemon http://127.0.0.1:8000] [--daemon-model ID]
                       [--form shipped|float32] [--blas /usr/lib/x86_64-linux-gnu/openblas-pthread/libopenblas.so.0]

The daemon must serve the model of FOLDER (--daemon-model names it, "default" if not given). mlx-lm runs in its
own process, from the same folder: --form says how, see mlx_lm_peer.py; --blas preloads a BLAS into it. Sides
take turns, A B B A; reported are medians of --rounds rounds after one warm-up each. A rate is tokens of answers
over the time from the first request sent to the last answer complete, prompts included. Without --daemon only
mlx-lm runs.
"""

import argparse
import http.client
import json
import os
import platform
import statistics
import subprocess
import sys
import threading
import time
from pathlib import Path
from urllib.parse import urlsplit

from headline_prompts import MAX_TOKENS, round_of


class Daemon:
    """An OpenAI-compatible server."""

    def __init__(self, url, model, stream):
        self.name = "vllmd, streaming" if stream else "vllmd"
        self.address = urlsplit(url)
        self.model, self.stream = model, stream

    def ask(self, prompt, started, answers):
        body = {
            "model": self.model, "messages": [{"role": "user", "content": prompt}],
            "max_tokens": MAX_TOKENS, "temperature": 0, "stream": self.stream,
        }
        if self.stream:
            body["stream_options"] = {"include_usage": True}
        connection = http.client.HTTPConnection(self.address.hostname, self.address.port, timeout=600)
        connection.request("POST", "/v1/chat/completions", json.dumps(body), {"Content-Type": "application/json"})
        response = connection.getresponse()
        if response.status != 200:
            answers.append(RuntimeError(f"{response.status}: {response.read(2000).decode()}"))
            return
        first, tokens = None, None
        if self.stream:
            for line in response:
                if line.startswith(b"data: ") and not line.startswith(b"data: [DONE]"):
                    event = json.loads(line[6:])
                    if event.get("usage"):
                        tokens = event["usage"]["completion_tokens"]
                    if first is None and event["choices"] and event["choices"][0]["delta"].get("content"):
                        first = time.perf_counter() - started
        else:
            tokens = json.loads(response.read())["usage"]["completion_tokens"]
        connection.close()
        answers.append((tokens, first))

    def run(self, number):
        answers = []
        started = time.perf_counter()
        threads = [threading.Thread(target=self.ask, args=(p, started, answers)) for p in round_of(number)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        seconds = time.perf_counter() - started
        failed = [answer for answer in answers if isinstance(answer, Exception)]
        if failed or len(answers) < len(threads):
            raise SystemExit(f"{self.name}: {failed[0] if failed else 'an answer broke off'}")
        firsts = [first for _, first in answers if first is not None]
        return {"tokens": sum(tokens for tokens, _ in answers), "seconds": seconds, "first": min(firsts, default=None)}

    def close(self):
        pass


class MlxLm:
    """mlx-lm in a process of its own."""

    def __init__(self, folder, form, blas):
        self.name = f"mlx-lm BatchGenerator, {form}" + (f", {Path(blas).name} preloaded" if blas else "")
        environment = dict(os.environ)
        if blas:
            environment["LD_PRELOAD"] = blas
        self.process = subprocess.Popen(
            [sys.executable, str(Path(__file__).with_name("mlx_lm_peer.py")), folder, form],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, env=environment)
        ready = self.read()
        self.name += f" (MLX {ready['mlx']}, {ready['device']})"

    def read(self):
        line = self.process.stdout.readline()
        if not line:
            raise SystemExit(f"mlx-lm ended with status {self.process.wait()}")
        return json.loads(line)

    def run(self, number):
        self.process.stdin.write(f"{number}\n")
        self.process.stdin.flush()
        return self.read()

    def close(self):
        self.process.stdin.close()
        self.process.wait()


def processor():
    if sys.platform == "darwin":
        return subprocess.run(["sysctl", "-n", "machdep.cpu.brand_string"], capture_output=True, text=True).stdout.strip()
    for line in Path("/proc/cpuinfo").read_text().splitlines():
        if line.startswith("model name"):
            return line.split(":", 1)[1].strip()
    return platform.processor() or platform.machine()


def main():
    options = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    options.add_argument("--model", required=True, help="folder for mlx-lm")
    options.add_argument("--daemon", help="base URL of the running daemon")
    options.add_argument("--daemon-model", default="default")
    options.add_argument("--form", choices=("shipped", "float32"), default="shipped")
    options.add_argument("--blas", help="shared library to preload into mlx-lm")
    options.add_argument("--rounds", type=int, default=5)
    options.add_argument("--json", action="store_true")
    chosen = options.parse_args()

    sides = [MlxLm(chosen.model, chosen.form, chosen.blas)]
    if chosen.daemon:
        sides = [Daemon(chosen.daemon, chosen.daemon_model, False), *sides,
                 Daemon(chosen.daemon, chosen.daemon_model, True)]
    runs = {side.name: [] for side in sides}
    for side in sides:
        side.run(0)
    for number in range(1, chosen.rounds + 1):
        for side in sides if number % 2 else reversed(sides):
            runs[side.name].append(side.run(number))
    for side in sides:
        side.close()

    machine = f"{processor()}, {os.cpu_count()} cores, {platform.system()} {platform.machine()}"
    rates = {name: statistics.median(r["tokens"] / r["seconds"] for r in rounds) for name, rounds in runs.items()}
    if chosen.json:
        print(json.dumps({"machine": machine, "model": chosen.model, "tokens_per_second": rates, "rounds": runs}))
        return
    print(f"{machine}; load {os.getloadavg()[0]:.1f}; model {Path(chosen.model).name}, {chosen.rounds} rounds")
    peer = next(rates[name] for name in rates if name.startswith("mlx-lm"))
    for name, rounds in runs.items():
        each = [r["tokens"] / r["seconds"] for r in rounds]
        firsts = [r["first"] for r in rounds if r["first"] is not None]
        first = f", first token after {1000 * statistics.median(firsts):.0f} ms" if firsts else ""
        print(f"{rates[name]:8.1f} tokens/s ({min(each):.1f} to {max(each):.1f}), "
              f"{rates[name] / peer:.2f} times mlx-lm, {rounds[-1]['tokens']} tokens in the last round{first}: {name}")


if __name__ == "__main__":
    main()
