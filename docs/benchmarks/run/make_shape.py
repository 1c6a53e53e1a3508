"""Writes a model folder of a real model's exact shape with random weights, for benchmarks without a download.

    python make_shape.py --shape qwen3-0.6b --bits 8 --tokenizer SPROUT_FOLDER --out FOLDER

Bits are 4, 8 (affine, groups of --group) or 16 (bfloat16). The same arguments give the same bytes. Packed
weights are drawn as integers, with scales and biases that make them about normal-sized (0.02), so a large
shape takes no longer than writing it. Tokens come from the tokenizer of another model, its vocabulary filled
up to the shape's; the rows of its end tokens are zero, so that a greedy answer runs to its limit.
"""

import argparse
import json
import shutil
from pathlib import Path

import mlx.core as mx
import numpy as np

SHAPES = {
    "qwen3-0.6b": {
        "hidden_size": 1024, "num_hidden_layers": 28, "num_attention_heads": 16, "num_key_value_heads": 8,
        "head_dim": 128, "intermediate_size": 3072, "vocab_size": 151936, "tie_word_embeddings": True,
    },
    "qwen3-1.7b": {
        "hidden_size": 2048, "num_hidden_layers": 28, "num_attention_heads": 16, "num_key_value_heads": 8,
        "head_dim": 128, "intermediate_size": 6144, "vocab_size": 151936, "tie_word_embeddings": True,
    },
    "qwen3-4b": {
        "hidden_size": 2560, "num_hidden_layers": 36, "num_attention_heads": 32, "num_key_value_heads": 8,
        "head_dim": 128, "intermediate_size": 9728, "vocab_size": 151936, "tie_word_embeddings": True,
    },
}
DEVIATION = 0.02
SHARD_BYTES = 4 << 30


class Shards:
    """Tensors on their way into files of a bounded size."""

    def __init__(self, folder):
        self.folder = folder
        self.open, self.open_bytes = {}, 0
        self.written = []
        self.total = 0

    def add(self, name, array):
        mx.eval(array)
        if self.open_bytes + array.nbytes > SHARD_BYTES:
            self.flush()
        self.open[name] = array
        self.open_bytes += array.nbytes
        self.total += array.nbytes

    def flush(self):
        if self.open:
            file = self.folder / f"unnamed-{len(self.written)}.safetensors"
            mx.save_safetensors(str(file), self.open, metadata={"format": "mlx"})
            self.written.append((file, list(self.open)))
            self.open, self.open_bytes = {}, 0

    def finish(self):
        self.flush()
        count = len(self.written)
        where = {}
        for i, (file, names) in enumerate(self.written):
            name = "model.safetensors" if count == 1 else f"model-{i + 1:05}-of-{count:05}.safetensors"
            file.rename(self.folder / name)
            where.update(dict.fromkeys(names, name))
        index = {"metadata": {"total_size": self.total}, "weight_map": where}
        (self.folder / "model.safetensors.index.json").write_text(json.dumps(index))


class Writer:
    def __init__(self, shards, bits, group, seed):
        self.shards, self.bits, self.group = shards, bits, group
        self.random = np.random.default_rng(seed)

    def half(self, name, numbers):
        self.shards.add(name, mx.array(numbers.astype(np.float32)).astype(mx.bfloat16))

    def norm(self, name, size):
        self.half(name + ".weight", 1 + 0.1 * self.random.standard_normal(size))

    def linear(self, name, rows, columns, silent=()):
        if self.bits == 16:
            numbers = DEVIATION * self.random.standard_normal((rows, columns), dtype=np.float32)
            numbers[list(silent)] = 0
            self.half(name + ".weight", numbers)
            return
        packed = self.random.integers(0, 1 << 32, (rows, columns * self.bits // 32), dtype=np.uint32)
        steps = (1 << self.bits) - 1
        # A uniform draw over `steps` steps has the deviation steps / sqrt(12).
        scales = DEVIATION * 12**0.5 / steps * self.random.uniform(0.75, 1.25, (rows, columns // self.group))
        scales[list(silent)] = 0
        self.shards.add(name + ".weight", mx.array(packed))
        self.half(name + ".scales", scales)
        self.half(name + ".biases", -scales * steps / 2)


def fill_tokenizer(source, out, vocabulary):
    tokenizer = json.loads((source / "tokenizer.json").read_text())
    words = tokenizer["model"]["vocab"]
    used = set(words.values()) | {token["id"] for token in tokenizer.get("added_tokens", [])}
    words.update({f"\u0120w{i}": i for i in range(vocabulary) if i not in used})
    (out / "tokenizer.json").write_text(json.dumps(tokenizer, ensure_ascii=False))
    for name in ("tokenizer_config.json", "chat_template.jinja", "generation_config.json"):
        if (source / name).exists():
            shutil.copyfile(source / name, out / name)


def end_tokens(source):
    ends = set()
    for name in ("config.json", "generation_config.json"):
        if (source / name).exists():
            value = json.loads((source / name).read_text()).get("eos_token_id")
            ends.update(value if isinstance(value, list) else [] if value is None else [value])
    return sorted(ends)


def main():
    options = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    options.add_argument("--shape", choices=SHAPES, default="qwen3-0.6b")
    options.add_argument("--bits", type=int, choices=(4, 8, 16), default=8)
    options.add_argument("--group", type=int, choices=(32, 64, 128), default=64)
    options.add_argument("--layers", type=int, help="fewer layers than the shape has")
    options.add_argument("--seed", type=int, default=1)
    options.add_argument("--tokenizer", type=Path, required=True, help="model folder to take the tokens from")
    options.add_argument("--out", type=Path, required=True)
    chosen = options.parse_args()

    shape = dict(SHAPES[chosen.shape])
    if chosen.layers:
        shape["num_hidden_layers"] = chosen.layers
    ends = end_tokens(chosen.tokenizer)
    config = {
        "architectures": ["Qwen3ForCausalLM"], "model_type": "qwen3", "attention_bias": False,
        "hidden_act": "silu", "max_position_embeddings": 40960, "rms_norm_eps": 1e-6, "rope_theta": 1000000.0,
        "rope_scaling": None, "use_sliding_window": False, "torch_dtype": "bfloat16",
        "eos_token_id": ends[0] if ends else None, **shape,
    }
    if chosen.bits != 16:
        config["quantization"] = {"group_size": chosen.group, "bits": chosen.bits}
    chosen.out.mkdir(parents=True, exist_ok=True)
    (chosen.out / "config.json").write_text(json.dumps(config, indent=1))
    fill_tokenizer(chosen.tokenizer, chosen.out, shape["vocab_size"])

    shards = Shards(chosen.out)
    write = Writer(shards, chosen.bits, chosen.group, chosen.seed)
    hidden, ffn = shape["hidden_size"], shape["intermediate_size"]
    queries = shape["num_attention_heads"] * shape["head_dim"]
    keys = shape["num_key_value_heads"] * shape["head_dim"]
    write.linear("model.embed_tokens", shape["vocab_size"], hidden, silent=ends)
    for i in range(shape["num_hidden_layers"]):
        layer = f"model.layers.{i}."
        write.norm(layer + "input_layernorm", hidden)
        write.linear(layer + "self_attn.q_proj", queries, hidden)
        write.linear(layer + "self_attn.k_proj", keys, hidden)
        write.linear(layer + "self_attn.v_proj", keys, hidden)
        write.linear(layer + "self_attn.o_proj", hidden, queries)
        write.norm(layer + "self_attn.q_norm", shape["head_dim"])
        write.norm(layer + "self_attn.k_norm", shape["head_dim"])
        write.norm(layer + "post_attention_layernorm", hidden)
        write.linear(layer + "mlp.gate_proj", ffn, hidden)
        write.linear(layer + "mlp.up_proj", ffn, hidden)
        write.linear(layer + "mlp.down_proj", hidden, ffn)
    write.norm("model.norm", hidden)
    if not shape["tie_word_embeddings"]:
        write.linear("lm_head", shape["vocab_size"], hidden, silent=ends)
    shards.finish()
    print(f"{chosen.out}: {chosen.shape}, {chosen.bits} bits, {shards.total >> 20} MiB")


if __name__ == "__main__":
    main()
