"""Speed of Hugging Face's tokenizers library on one thread, the peer of TokenizerBenchmark.java.

    RAYON_NUM_THREADS=1 TOKENIZERS_PARALLELISM=false \\
        target/python/bin/python src/test/python/tokenizer_benchmark.py src/main/sprout/tokenizer.json target/text
"""

import sys
import time

import tokenizers
from tokenizers.decoders import DecodeStream

ROUNDS = 7


def best(work):
    times = []
    for _ in range(ROUNDS):
        start = time.perf_counter()
        work()
        times.append(time.perf_counter() - start)
    return min(times)


def show(what, value, unit):
    print(f"{what:<40} {value:10.2f} {unit}")


def main():
    file, text = sys.argv[1], open(sys.argv[2], encoding="utf-8", newline="").read()
    start = time.perf_counter()
    tokenizer = tokenizers.Tokenizer.from_file(file)
    show("load", (time.perf_counter() - start) * 1e3, "ms")
    megabytes = len(text.encode()) / 1e6
    show("text", megabytes, "MB")
    lines = text.splitlines(keepends=True)

    def encode(piece):
        return tokenizer.encode(piece, add_special_tokens=False)

    def stream():
        decoder = DecodeStream(skip_special_tokens=True)
        for token in ids:
            decoder.step(tokenizer, token)

    ids = encode(text).ids
    show("tokens", len(ids), "")
    show("encode whole", megabytes / best(lambda: encode(text)), "MB/s")
    show("encode by line", megabytes / best(lambda: [encode(line) for line in lines]), "MB/s")
    show("decode whole", len(ids) / best(lambda: tokenizer.decode(ids)) / 1e6, "M tokens/s")
    show("decode by token", best(stream) / len(ids) * 1e9, "ns a token")
    for word in ("a", " ", "\n", "!", "ab", "漢字", "a "):
        worst = word * ((1 << 20) // len(word))
        show(f"encode 1 Mi characters of {word!r}", best(lambda: encode(worst)) * 1e3, "ms")


if __name__ == "__main__":
    main()
