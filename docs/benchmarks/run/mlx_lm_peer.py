"""mlx-lm's BatchGenerator as a worker process: a line with a round's number in, a line of JSON out.

    python mlx_lm_peer.py MODEL_FOLDER shipped|float32

shipped: the weights as they are. float32: quantised weights dequantised, everything cast to float32, which is
mlx-lm's best case on a CPU if a fast BLAS is loaded before libmlx (LD_PRELOAD). Started by headline.py.
"""

import json
import sys
import time

import mlx.core as mx
from mlx.utils import tree_map
from mlx_lm import load
from mlx_lm.generate import BatchGenerator
from mlx_lm.utils import dequantize_model

from headline_prompts import MAX_TOKENS, round_of


def widened(model):
    model = dequantize_model(model)
    model.update(tree_map(
        lambda p: p.astype(mx.float32) if mx.issubdtype(p.dtype, mx.floating) else p, model.parameters()))
    mx.eval(model.parameters())
    return model


def answer(model, tokenizer, number):
    prompts = [
        tokenizer.apply_chat_template([{"role": "user", "content": prompt}], add_generation_prompt=True)
        for prompt in round_of(number)
    ]
    start = time.perf_counter()
    generator = BatchGenerator(
        model, max_tokens=MAX_TOKENS, stop_tokens=[[token] for token in tokenizer.eos_token_ids],
        completion_batch_size=16, prefill_batch_size=10)
    generator.insert(prompts, [MAX_TOKENS] * len(prompts))
    first, tokens = None, 0
    while responses := generator.next_generated():
        first = first or time.perf_counter() - start
        # The stop token included, as the usage of an answer over HTTP counts it.
        tokens += len(responses)
    seconds = time.perf_counter() - start
    generator.close()
    return {"tokens": tokens, "seconds": seconds, "first": first}


def main():
    folder, form = sys.argv[1:]
    model, tokenizer = load(folder)
    if form == "float32":
        model = widened(model)
    print(json.dumps({"ready": True, "mlx": mx.__version__, "device": str(mx.default_device())}), flush=True)
    for line in sys.stdin:
        print(json.dumps(answer(model, tokenizer, int(line))), flush=True)


if __name__ == "__main__":
    main()
