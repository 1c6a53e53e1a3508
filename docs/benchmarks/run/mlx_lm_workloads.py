"""mlx-lm on the workloads of io.vllmd.engine.PeerBenchmark: the same prompts and numbers of tokens, greedy, medians.

    python mlx_lm_workloads.py MODEL_FOLDER PROMPTS [REPETITIONS]

PROMPTS holds the token ids of a prompt a line; where it does not exist, ten prompts of 24 to 51 random ids are written
there. No answer ends before its number of tokens.
"""

import os
import random
import statistics
import sys
import time

import mlx.core as mx
from mlx_lm import load
from mlx_lm.generate import BatchGenerator, generate_step, stream_generate

SINGLE_TOKENS, TOKENS = 256, 64


def prompts_of(path):
    if not os.path.exists(path):
        draw = random.Random(1)
        with open(path, "w") as f:
            for i in range(10):
                f.write(" ".join(str(draw.randrange(6000)) for _ in range(24 + 3 * i)) + "\n")
    with open(path) as f:
        return [[int(word) for word in line.split()] for line in f]


def main():
    model, tokenizer = load(sys.argv[1])
    mx.eval(model.parameters())
    tokenizer._eos_token_ids = set()
    prompts = prompts_of(sys.argv[2])
    repetitions = int(sys.argv[3]) if len(sys.argv) > 3 else 5

    def stream(prompt):
        for last in stream_generate(model, tokenizer, prompt, max_tokens=SINGLE_TOKENS):
            pass
        return last.generation_tps

    def steps(prompt):
        times = []
        for token, _ in generate_step(mx.array(prompt), model, max_tokens=SINGLE_TOKENS):
            times.append(time.perf_counter())
        return (len(times) - 1) / (times[-1] - times[0])

    def batch(count):
        start = time.perf_counter()
        generator = BatchGenerator(
            model, max_tokens=TOKENS, stop_tokens=[], completion_batch_size=16, prefill_batch_size=10)
        generator.insert([list(prompts[i % len(prompts)]) for i in range(count)], [TOKENS] * count)
        tokens = 0
        while responses := generator.next_generated():
            tokens += len(responses)
        seconds = time.perf_counter() - start
        generator.close()
        return tokens / seconds

    def prefill(length):
        prompt = mx.array([i * 7 % 5000 for i in range(length)])
        start = time.perf_counter()
        next(generate_step(prompt, model, max_tokens=1))
        return length / (time.perf_counter() - start)

    def tell(what, measure, *arguments):
        measure(*arguments)
        rates = [measure(*arguments) for _ in range(repetitions)]
        print(f"mlx-lm {what} {statistics.median(rates):.1f} tokens/s", flush=True)

    tell("single decode", steps, prompts[0])
    tell("single decode with text", stream, prompts[0])
    for count in (1, 2, 4, 8, 16):
        tell(f"batch of {count}", batch, count)
    tell("headline", batch, len(prompts))
    for length in (512, 4096):
        tell(f"prefill of {length}", prefill, length)


main()
