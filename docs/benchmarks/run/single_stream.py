"""Tokens a second of one answer at a time over HTTP, prompt included.

    python single_stream.py --daemon http://127.0.0.1:8000 [--rounds 10] [--max-tokens 400]

Needs nothing but Python. The first round warms up and is not counted.
"""

import argparse
import json
import statistics
import time
import urllib.request

SUBJECTS = ["a cat", "a river", "the moon", "a clock", "snow", "a baker", "two friends", "a train", "rain", "bread"]


def ask(daemon, subject, max_tokens):
    body = {
        "temperature": 0, "max_tokens": max_tokens,
        "messages": [{"role": "user", "content": f"Tell me a short story about {subject}."}],
    }
    request = urllib.request.Request(
        daemon + "/v1/chat/completions", json.dumps(body).encode(), {"Content-Type": "application/json"}
    )
    begin = time.perf_counter()
    with urllib.request.urlopen(request) as response:
        tokens = json.load(response)["usage"]["completion_tokens"]
    return tokens, tokens / (time.perf_counter() - begin)


def main():
    arguments = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    arguments.add_argument("--daemon", required=True)
    arguments.add_argument("--rounds", type=int, default=10)
    arguments.add_argument("--max-tokens", type=int, default=400)
    arguments = arguments.parse_args()
    rates = []
    for i in range(arguments.rounds + 1):
        tokens, rate = ask(arguments.daemon, SUBJECTS[i % len(SUBJECTS)], arguments.max_tokens)
        if i > 0:
            rates.append(rate)
    print(f"median {statistics.median(rates):.0f} tokens/s (lowest {min(rates):.0f}, highest {max(rates):.0f})")


main()
