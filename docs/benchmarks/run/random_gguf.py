"""A GGUF file of the shape of Qwen3-0.6B with random weights in Q8_0, for llama.cpp; see cpu_peers.py."""

import gguf
import numpy as np

LAYERS, HIDDEN, HEADS, KV_HEADS, HEAD_DIM, FFN, VOCABULARY = 28, 1024, 16, 8, 128, 3072, 151936
BLOCK = 32  # weights of one scale


def write(path):
    random = np.random.default_rng(1)
    file = gguf.GGUFWriter(path, "qwen3")
    file.add_name("random weights")
    file.add_block_count(LAYERS)
    file.add_context_length(40960)
    file.add_embedding_length(HIDDEN)
    file.add_feed_forward_length(FFN)
    file.add_head_count(HEADS)
    file.add_head_count_kv(KV_HEADS)
    file.add_key_length(HEAD_DIM)
    file.add_value_length(HEAD_DIM)
    file.add_rope_freq_base(1e6)
    file.add_layer_norm_rms_eps(1e-6)
    file.add_file_type(gguf.LlamaFileType.MOSTLY_Q8_0)
    # Prompts are given as token ids; a tokenizer has to be there all the same.
    file.add_tokenizer_model("gpt2")
    file.add_tokenizer_pre("qwen2")
    file.add_token_list([f"w{i}" for i in range(VOCABULARY)])
    file.add_token_types([gguf.TokenType.NORMAL] * (VOCABULARY - 1) + [gguf.TokenType.CONTROL])
    file.add_token_merges(["w 0"])
    file.add_eos_token_id(VOCABULARY - 1)
    file.add_add_bos_token(False)

    def norm(name, size):
        file.add_tensor(name, np.ones(size, np.float32))

    def linear(name, rows, columns):
        blocks = np.empty((rows, columns // BLOCK, 2 + BLOCK), np.uint8)
        # An even draw of 255 steps has the deviation 255 / sqrt(12).
        scale = np.float16(12**0.5 / 255 / columns**0.5)
        blocks[:, :, :2] = np.frombuffer(scale.tobytes(), np.uint8)
        blocks[:, :, 2:] = random.integers(-127, 128, (rows, columns // BLOCK, BLOCK), np.int8).view(np.uint8)
        file.add_tensor(name, blocks.reshape(rows, -1), raw_dtype=gguf.GGMLQuantizationType.Q8_0)

    linear("token_embd.weight", VOCABULARY, HIDDEN)
    for i in range(LAYERS):
        layer = f"blk.{i}."
        norm(layer + "attn_norm.weight", HIDDEN)
        linear(layer + "attn_q.weight", HEADS * HEAD_DIM, HIDDEN)
        linear(layer + "attn_k.weight", KV_HEADS * HEAD_DIM, HIDDEN)
        linear(layer + "attn_v.weight", KV_HEADS * HEAD_DIM, HIDDEN)
        norm(layer + "attn_q_norm.weight", HEAD_DIM)
        norm(layer + "attn_k_norm.weight", HEAD_DIM)
        linear(layer + "attn_output.weight", HIDDEN, HEADS * HEAD_DIM)
        norm(layer + "ffn_norm.weight", HIDDEN)
        linear(layer + "ffn_gate.weight", FFN, HIDDEN)
        linear(layer + "ffn_up.weight", FFN, HIDDEN)
        linear(layer + "ffn_down.weight", HIDDEN, FFN)
    norm("output_norm.weight", HIDDEN)
    file.write_header_to_file()
    file.write_kv_data_to_file()
    file.write_tensors_to_file()
    file.close()
