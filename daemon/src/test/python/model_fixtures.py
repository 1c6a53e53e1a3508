"""Makes the models and references that the parity tests of io.vllmd.model read.

    pip install -r requirements-models.txt
    python model_fixtures.py --out ../resources/models [--sprout FOLDER_WITH_THE_SPROUT_MODELS]

Small models: random weights, seeded, each in a folder that mlx-lm itself loads. Beside every folder lies
NAME.reference.safetensors with what mlx-lm computes on it once all floating parameters are cast to float32:

    prompt  int32 [t]      token ids
    logits  float32 [t, v] at every position of the prompt
    greedy  int32 [g]      the continuation that takes the largest logit each time
    margins float32 [g]    largest minus second largest logit at each of these choices

Sprout's own references (the weights are not copied) hold several prompts, one after another:

    prompts int32 [sum of lengths], lengths int32 [p]
    greedy  int32 [p, g], margins float32 [p, g]
    logits  float32 [3, v] of the first prompt, at positions int32 [3]
"""

import argparse
import json
import shutil
from pathlib import Path

import mlx.core as mx
import mlx.nn as nn
import numpy as np
from mlx.utils import tree_flatten, tree_map, tree_unflatten
from mlx_lm.models.cache import make_prompt_cache
from mlx_lm.models.qwen3 import Model, ModelArgs
from mlx_lm.utils import load_model

PROMPT = 24
GREEDY = 24


def config(hidden, heads, kv_heads, head_dim, ffn, vocab, layers=2, tied=False, **more):
    return {
        "architectures": ["Qwen3ForCausalLM"],
        "model_type": "qwen3",
        "attention_bias": False,
        "hidden_act": "silu",
        "hidden_size": hidden,
        "intermediate_size": ffn,
        "num_hidden_layers": layers,
        "num_attention_heads": heads,
        "num_key_value_heads": kv_heads,
        "head_dim": head_dim,
        "vocab_size": vocab,
        "max_position_embeddings": 256,
        "rms_norm_eps": 1e-6,
        "rope_theta": 10000.0,
        "rope_scaling": None,
        "use_sliding_window": False,
        "tie_word_embeddings": tied,
        **more,
    }


def quantized(bits, group, overrides=None):
    return {"group_size": group, "bits": bits, **(overrides or {})}


# name: config, dtype of the floating parameters, quantization or None, number of shards
SMALL = {
    "dense-f32-linear-rope": (
        config(48, 3, 1, 16, 56, 80, rope_scaling={"type": "linear", "factor": 2.0}), mx.float32, None, 1),
    "dense-bf16-tied-shards": (
        config(64, 4, 2, 16, 64, 112, tied=True, rope_theta=None,
               rope_parameters={"rope_type": "default", "rope_theta": 1000000.0}), mx.bfloat16, None, 3),
    "dense-f16": (config(64, 2, 2, 16, 64, 112, rms_norm_eps=1e-5), mx.float16, None, 1),
    "affine4-g32-tied": (config(64, 4, 2, 32, 96, 160, tied=True), mx.bfloat16, quantized(4, 32), 1),
    "affine4-g64-shards": (config(64, 4, 1, 32, 128, 160), mx.bfloat16, quantized(4, 64), 2),
    "affine8-g64-tied": (config(64, 2, 1, 64, 64, 112, tied=True), mx.bfloat16, quantized(8, 64), 1),
    "affine8-g128": (config(128, 4, 2, 32, 128, 112, layers=1), mx.bfloat16, quantized(8, 128), 1),
    "affine8-g32-f16-scales": (config(64, 4, 4, 16, 96, 112, tied=True), mx.float16, quantized(8, 32), 1),
    "mixed-bits": (
        config(64, 4, 2, 16, 64, 128), mx.bfloat16,
        quantized(4, 32, {
            "model.layers.0.self_attn.v_proj": {"group_size": 64, "bits": 8},
            "model.layers.0.mlp.down_proj": {"group_size": 64, "bits": 8},
            "model.layers.1.self_attn.q_proj": False,
            "model.layers.1.mlp.up_proj": False,
            "model.embed_tokens": {"group_size": 32, "bits": 8},
            "lm_head": False,
        }), 1),
}


def random_model(cfg, dtype, rules, seed):
    """A model whose every parameter, norms included, is drawn, so that none can be forgotten unnoticed."""
    model = Model(ModelArgs.from_dict(cfg))
    rng = np.random.default_rng(seed)
    drawn = []
    for name, value in tree_flatten(model.parameters()):
        if "norm" in name:
            numbers = 1 + 0.2 * rng.standard_normal(value.shape)
        elif "embed_tokens" in name or "lm_head" in name:
            numbers = 0.5 * rng.standard_normal(value.shape)
        else:
            numbers = 1.5 / np.sqrt(value.shape[-1]) * rng.standard_normal(value.shape)
        drawn.append((name, mx.array(numbers.astype(np.float32)).astype(dtype)))
    model.update(tree_unflatten(drawn))
    if rules:
        def choose(path, module):
            return rules.get(path, hasattr(module, "to_quantized"))
        nn.quantize(model, group_size=rules["group_size"], bits=rules["bits"], class_predicate=choose)
    return model


def save(folder, cfg, model, rules, shards):
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    if rules:
        cfg = {**cfg, "quantization": rules, "quantization_config": rules}
    cfg = {name: value for name, value in cfg.items() if name != "rope_theta" or value is not None}
    (folder / "config.json").write_text(json.dumps(cfg, indent=1) + "\n")
    weights = sorted(dict(tree_flatten(model.parameters())).items())
    where = {}
    for i in range(shards):
        part = dict(weights[i::shards])
        file = "model.safetensors" if shards == 1 else f"model-{i + 1:05}-of-{shards:05}.safetensors"
        mx.save_safetensors(str(folder / file), part, metadata={"format": "mlx"})
        where.update({name: file for name in part})
    if shards > 1:
        index = {"metadata": {"total_size": sum(w.nbytes for _, w in weights)}, "weight_map": where}
        (folder / "model.safetensors.index.json").write_text(json.dumps(index, indent=1) + "\n")


def reference_model(folder):
    model, _ = load_model(folder)
    model.update(tree_map(
        lambda p: p.astype(mx.float32) if mx.issubdtype(p.dtype, mx.floating) else p, model.parameters()))
    mx.eval(model.parameters())
    return model


def greedy(model, prompt, count):
    """Logits of the prompt, the chosen tokens and the margins of the choices."""
    cache = make_prompt_cache(model)
    logits = model(mx.array([prompt]), cache=cache)[0]
    tokens, margins, last = [], [], np.array(logits[-1])
    for _ in range(count):
        best = np.argsort(last)[::-1][:2]
        tokens.append(int(best[0]))
        margins.append(float(last[best[0]] - last[best[1]]))
        last = np.array(model(mx.array([[tokens[-1]]]), cache=cache)[0, -1])
    return logits, tokens, margins


def small_models(out):
    for seed, (name, (cfg, dtype, rules, shards)) in enumerate(SMALL.items()):
        folder = out / name
        save(folder, cfg, random_model(cfg, dtype, rules, seed), rules, shards)
        prompt = np.random.default_rng(1000 + seed).integers(0, cfg["vocab_size"], PROMPT).tolist()
        logits, tokens, margins = greedy(reference_model(folder), prompt, GREEDY)
        mx.save_safetensors(str(out / f"{name}.reference.safetensors"), {
            "prompt": mx.array(prompt, mx.int32),
            "logits": logits,
            "greedy": mx.array(tokens, mx.int32),
            "margins": mx.array(margins, mx.float32),
        })
        size = sum(f.stat().st_size for f in folder.iterdir())
        print(f"{name}: {size} bytes, logits within {float(mx.abs(logits).max()):.2f}, "
              f"{sum(m > 1e-2 for m in margins)} of {GREEDY} choices are clear")


QUESTIONS = [
    "Write a short poem about the sea.", "What is the capital of France?", "Count from one to ten.",
    "Hello! Who are you?", "What is 7 + 5?", "Tell me a story about a fox.", "Name three colours.",
    "What do bees make?", "Translate \"good morning\" to German.", "Is ice cold or hot?",
    "Give me a JSON object with name and age.", "What comes after Monday?", "How many legs has a spider?",
    "Write one sentence about rain.", "What is the opposite of big?", "List four fruits.",
    "Where do fish live?", "Say hello in French.", "What is 9 times 3?", "Why is the sky blue?",
]


def sprout(models, out):
    from transformers import AutoTokenizer

    for name in ("sprout-15m-8bit", "sprout-15m-bf16"):
        tokenizer = AutoTokenizer.from_pretrained(models / name)
        prompts = [tokenizer.apply_chat_template(
            [{"role": "user", "content": q}], add_generation_prompt=True, tokenize=True, return_dict=False)
            for q in QUESTIONS]
        model = reference_model(models / name)
        tokens, margins = [], []
        for prompt in prompts:
            logits, chosen, margin = greedy(model, prompt, GREEDY)
            if not tokens:
                positions = [0, len(prompt) // 2, len(prompt) - 1]
                some = logits[mx.array(positions)]
            tokens.append(chosen)
            margins.append(margin)
        mx.save_safetensors(str(out / f"{name}.reference.safetensors"), {
            "prompts": mx.array([t for p in prompts for t in p], mx.int32),
            "lengths": mx.array([len(p) for p in prompts], mx.int32),
            "positions": mx.array(positions, mx.int32),
            "logits": some,
            "greedy": mx.array(tokens, mx.int32),
            "margins": mx.array(margins, mx.float32),
        })
        clear = sum(m > 1e-2 for row in margins for m in row)
        print(f"{name}: {clear} of {len(prompts) * GREEDY} choices are clear")


def main():
    options = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    options.add_argument("--out", type=Path, required=True)
    options.add_argument("--sprout", type=Path, help="folder that holds sprout-15m-8bit and sprout-15m-bf16")
    chosen = options.parse_args()
    mx.set_default_device(mx.cpu)
    chosen.out.mkdir(parents=True, exist_ok=True)
    small_models(chosen.out)
    if chosen.sprout:
        sprout(chosen.sprout, chosen.out)


if __name__ == "__main__":
    main()
