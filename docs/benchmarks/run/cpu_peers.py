"""vllmd's engine beside llama.cpp on a CPU: the shape of Qwen3-0.6B, 8 bits, random weights.

    python3 -m venv venv && venv/bin/pip install -r docs/benchmarks/run/cpu-requirements.txt
    cmake --build native/target/cmake --target vllmd_bench
    venv/bin/python docs/benchmarks/run/cpu_peers.py --models FOLDER --class-path "$CLASS_PATH"

CLASS_PATH is daemon's with its test classes: `mvn -pl daemon -am test-compile dependency:build-classpath
-Dmdep.outputFile=class-path` names the jars, in front of them go daemon/target/test-classes, daemon/target/classes,
native/target/classes and config/target/classes. The models (650 MB each) are written to FOLDER unless they are there.

Both engines hold their model and take turns, ABBA, with the read speed of memory in between. Both get prompts of random
token ids, 16 long where tokens are made, and sample greedily; neither caches prompts nor guesses. A measurement during
which other programs took more than --noise of the processors' time is taken again.
"""

import argparse
import json
import os
import platform
import random
import re
import statistics
import subprocess
import threading
import time
from pathlib import Path

import random_gguf

ROOT = Path(__file__).resolve().parents[3]
PROMPT = 16
TICK = os.sysconf("SC_CLK_TCK")
# Of one step of one stream: every weight once, 8 bits and 4 bytes of scale and bias in groups of 64 (Q8_0: 2 of 32).
WEIGHTS = random_gguf.VOCABULARY * 1024 + 28 * 1024 * (4096 + 2048 + 3 * 3072)
STEP_BYTES = WEIGHTS * (1 + 4 / 64)


class Vllmd:
    def __init__(self, java, class_path, library, folder):
        command = [java, f"-Dvllmd.native={library}", "--enable-native-access=ALL-UNNAMED", "-cp", class_path,
                   "io.vllmd.engine.ShapeBenchmark", str(folder)]
        self.process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        self.kernels = self.answer("ready").partition(" ")[2]

    def answer(self, start):
        for line in self.process.stdout:
            if line.startswith(start):
                return line.strip()
        raise SystemExit("the engine ended early")

    def ask(self, *words):
        self.process.stdin.write(" ".join(map(str, words)) + "\n")
        self.process.stdin.flush()
        return [float(word) for word in self.answer(words[0]).split()[2:] if word != "host"]

    def decode(self, streams, tokens):
        steady, whole, self.host = self.ask("decode", streams, tokens)
        return steady if streams == 1 else whole

    def steady(self, streams, tokens):
        return self.ask("decode", streams, tokens)[0]

    def prefill(self, tokens):
        return self.ask("prefill", tokens)[0]

    def processor_time(self):
        fields = Path(f"/proc/{self.process.pid}/stat").read_text().rpartition(")")[2].split()
        return (int(fields[11]) + int(fields[12])) / TICK

    def close(self):
        self.process.stdin.close()
        self.process.wait()


class LlamaCpp:
    def __init__(self, file, threads):
        import xllamacpp

        parameters = xllamacpp.CommonParams()
        parameters.model.path = str(file)
        parameters.n_ctx = 8192
        parameters.n_parallel = 8
        parameters.cpuparams.n_threads = threads
        parameters.cpuparams_batch.n_threads = threads
        parameters.n_gpu_layers = 0
        parameters.hostnames = ["127.0.0.1"]
        parameters.port = 18300
        parameters.verbosity = -1
        self.server = xllamacpp.Server(parameters)
        self.kernels = xllamacpp.get_system_info()
        self.random = random.Random(1)

    def complete(self, prompt_tokens, tokens, answers):
        prompt = [self.random.randrange(random_gguf.VOCABULARY) for _ in range(prompt_tokens)]
        answer = self.server.handle_completions(
            {"prompt": prompt, "n_predict": tokens, "max_tokens": tokens, "temperature": 0, "ignore_eos": True,
             "cache_prompt": False})
        answers.append((json.loads(answer) if isinstance(answer, (str, bytes)) else answer)["timings"])

    def decode(self, streams, tokens):
        answers = []
        threads = [threading.Thread(target=self.complete, args=(PROMPT, tokens, answers)) for _ in range(streams)]
        begin = time.perf_counter()
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        seconds = time.perf_counter() - begin
        if any(answer["predicted_n"] != tokens for answer in answers):
            raise SystemExit("llama.cpp ended an answer early")
        return answers[0]["predicted_per_second"] if streams == 1 else streams * tokens / seconds

    def prefill(self, tokens):
        answers = []
        self.complete(tokens, 1, answers)
        if answers[0]["prompt_n"] != tokens:
            raise SystemExit(f"llama.cpp read {answers[0]['prompt_n']} tokens of {tokens}")
        return answers[0]["prompt_per_second"]


def roof(program):
    output = subprocess.run([program, "roof"], capture_output=True, text=True, check=True).stdout
    return float(re.search(r"([0-9.]+) GB/s", output)[1])


class Quiet:
    """Takes measurements again during which other programs worked."""

    def __init__(self, vllmd, noise):
        self.vllmd, self.noise, self.again = vllmd, noise, 0

    def times(self):
        busy = [int(field) for field in Path("/proc/stat").read_text().split("\n")[0].split()[1:]]
        own = os.times()
        return (sum(busy[:3]) + sum(busy[5:8])) / TICK, self.vllmd.processor_time() + sum(own[:4])

    def __call__(self, measure):
        for _ in range(300):
            (busy, own), begin = self.times(), time.perf_counter()
            value = measure()
            (later, mine), seconds = self.times(), time.perf_counter() - begin
            others = (later - busy) - (mine - own)
            if others <= self.noise * seconds * os.cpu_count() + 2 / TICK:
                return value
            self.again += 1
            print(f"[others took {others / seconds:.2f} cores]", end=" ", flush=True)
            time.sleep(1)
        raise SystemExit("this machine is too busy to measure on")


def told(values):
    return f"{statistics.median(values):.1f} ({min(values):.1f}–{max(values):.1f})"


def main():
    options = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    options.add_argument("--models", type=Path, required=True)
    options.add_argument("--class-path", required=True)
    options.add_argument("--java", default="java")
    options.add_argument("--library", type=Path, default=ROOT / "native/target/native")
    options.add_argument("--bench", type=Path, default=ROOT / "native/target/cmake/vllmd_bench")
    options.add_argument("--cycles", type=int, default=3, help="of two measurements each")
    options.add_argument("--noise", type=float, default=0.04)
    options.add_argument("--tokens", type=int, default=64)
    options = options.parse_args()
    options.models.mkdir(parents=True, exist_ok=True)
    file = options.models / "qwen3-0.6b-random-q8_0.gguf"
    if not file.exists():
        random_gguf.write(file)
    a = Vllmd(options.java, options.class_path, options.library, options.models / "qwen3-0.6b-random-8bit")
    b = LlamaCpp(file, os.cpu_count())
    model = re.search(r"model name\s*: (.*)", Path("/proc/cpuinfo").read_text())
    print(f"{os.cpu_count()} cores of {model[1] if model else platform.machine()}; {a.kernels}; {b.kernels}", flush=True)
    quiet = Quiet(a, options.noise)
    tokens = options.tokens
    work = {
        "decode, 1 stream": lambda engine: engine.decode(1, tokens),
        "decode, 8 at once": lambda engine: engine.decode(8, tokens),
        "prefill of 400": lambda engine: engine.prefill(400),
    }
    for engine in (a, b):
        for measure in work.values():
            measure(engine)
    results = {name: ([], []) for name in work}
    steady, roofs, hosts = {1: [], 2: [], 8: []}, [], []
    for _ in range(options.cycles):
        for name, measure in work.items():
            for engine in (a, b, b, a):
                if name == "decode, 1 stream":
                    roofs.append(quiet(lambda: roof(options.bench)))
                results[name][engine is b].append(quiet(lambda: measure(engine)))
                if engine is a and name == "decode, 1 stream":
                    hosts.append(a.host)
        for streams in (1, 2, 8, 8, 2, 1):
            steady[streams].append(quiet(lambda: a.steady(streams, tokens)))
        print(".", end="", flush=True)
    print("\n\n| tokens a second | vllmd | llama.cpp | ratio |\n|---|---|---|---|")
    for name, (ours, theirs) in results.items():
        print(f"| {name} | {told(ours)} | {told(theirs)} | {statistics.median(ours) / statistics.median(theirs):.2f} |")
    memory = statistics.median(roofs)
    for engine, rates in zip(("vllmd", "llama.cpp"), results["decode, 1 stream"]):
        reads = statistics.median(rates) * STEP_BYTES / 1e9
        print(f"\n{engine}, 1 stream: {reads:.1f} GB/s, {reads / memory:.0%} of the roof of {told(roofs)} GB/s", end="")
    one = statistics.median(steady[1])
    print("\n\nvllmd after the last prompt: " + "; ".join(
        f"{streams} streams {told(rates)}, {statistics.median(rates) / one:.2f} of one" for streams, rates in steady.items()))
    print(f"host a step {statistics.median(hosts):.2f} ms; {quiet.again} measurements taken again")
    a.close()
    os._exit(0)  # llama.cpp's server has no end of its own


main()
