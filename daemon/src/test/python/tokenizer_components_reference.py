"""Writes what Hugging Face's tokenizers library makes of each kind of normalizer, pre-tokenizer and added token.

    target/python/bin/python src/test/python/tokenizer_components_reference.py \\
        src/test/resources/io/vllmd/chat/tokenizer/components.jsonl

The first line is a small tokenizer.json, in which every pair of some characters is a merge, so that ids show where
text was cut. Each further line has fields to replace in it, and texts with their ids and decoded text.
"""

import json
import random
import sys

import tokenizers
from tokenizers.pre_tokenizers import ByteLevel

BYTE_LEVEL = {"type": "ByteLevel", "add_prefix_space": False, "trim_offsets": False, "use_regex": False}
PAIRED = " ab12!,\n'sA_é\t"
TEXT = " ab12!,\n'sA_é\t" * 3 + " 漢字éÀßΣſ①Ⅷ½。—$+<>|~\u00a0\u3000\u0301\u0307İ😀\r\ufb01\u2126٣"


def split(pattern, behavior, invert=False):
    return {"type": "Split", "pattern": pattern, "behavior": behavior, "invert": invert}


def then_bytes(*steps):
    return {"pre_tokenizer": {"type": "Sequence", "pretokenizers": [*steps, BYTE_LEVEL]}}


def added(content, **flags):
    off = dict(single_word=False, lstrip=False, rstrip=False, normalized=False, special=False)
    return dict(content=content, **{**off, **flags})


def with_tokens(*tokens, **fields):
    return {"added_tokens": [dict(id=1000 + i, **token) for i, token in enumerate(tokens)], **fields}


def configurations():
    for behavior in ("Removed", "Isolated", "MergedWithPrevious", "MergedWithNext", "Contiguous"):
        yield then_bytes(split({"String": "a"}, behavior))
        for regex in ("[ab]", "\\s+", "a*", "(?=(\\d{2})+(?!\\d))"):
            for invert in (False, True):
                yield then_bytes(split({"Regex": regex}, behavior, invert))
        yield then_bytes({"type": "Punctuation", "behavior": behavior})
    for individual in (False, True):
        yield then_bytes({"type": "Digits", "individual_digits": individual})
    for kind in ("Whitespace", "WhitespaceSplit"):
        yield then_bytes({"type": kind})
    for regex in ("^.", ".$", "\\A.", ".\\z", "(?i:A|ß|s)", "\\p{Han}+|\\p{^L}", "[^\\p{L}&&[^b]]+", "\\h+", "\\w+|\\W", "(?<=a)b", "[[:alpha:]]+", "[^[:^space:]\\d]+|[[:lower:][:upper:]]"):
        yield then_bytes(split({"Regex": regex}, "Isolated"))
    for space in (False, True):
        for regex in (False, True):
            yield {"pre_tokenizer": {**BYTE_LEVEL, "add_prefix_space": space, "use_regex": regex}}
    falcon = [{"type": "Punctuation", "behavior": "Contiguous"}, {**BYTE_LEVEL, "use_regex": True}, {"type": "Digits", "individual_digits": False}, split({"Regex": "[0-9][0-9][0-9]"}, "Isolated")]
    yield {"pre_tokenizer": {"type": "Sequence", "pretokenizers": falcon}}
    for form in ("NFC", "NFD", "NFKC", "NFKD", "Lowercase", "StripAccents"):
        yield {"normalizer": {"type": form}}
    for left in (False, True):
        for right in (False, True):
            yield {"normalizer": {"type": "Strip", "strip_left": left, "strip_right": right}}
    replace = {"type": "Replace", "pattern": {"String": "a"}, "content": "$1\\"}
    yield {"normalizer": {"type": "Prepend", "prepend": "_"}}
    yield {"normalizer": replace}
    yield {"normalizer": {"type": "Replace", "pattern": {"Regex": "\\s+"}, "content": "_"}}
    yield {"normalizer": {"type": "Sequence", "normalizers": [{"type": "NFKD"}, {"type": "StripAccents"}, replace]}}
    yield {"normalizer": {"type": "Sequence", "normalizers": []}}
    yield with_tokens(added("ab"), added("a"), added("b!"), added("1a", special=True))
    yield with_tokens(added("a", lstrip=True), added("b", rstrip=True), added("!", lstrip=True, rstrip=True))
    yield with_tokens(added("a", single_word=True), added("12", single_word=True, lstrip=True), added("_", single_word=True))
    yield with_tokens(added("A", normalized=True), added("b"), added("AB!", normalized=True), normalizer={"type": "Lowercase"})
    yield with_tokens(added("é", normalized=True), added("e\u0301"), added(" "), normalizer={"type": "NFD"})
    yield with_tokens(added("\n", rstrip=True), added(" a", lstrip=True), added("漢字", special=True))


def main():
    alphabet = ByteLevel.alphabet()
    vocabulary = {c: i for i, c in enumerate(sorted(alphabet))}
    of_byte = {p: ByteLevel(add_prefix_space=False, use_regex=False).pre_tokenize_str(p)[0][0] for p in PAIRED}
    merges = []
    for left in of_byte.values():
        for right in of_byte.values():
            if left + right not in vocabulary and len(left + right) == 2:
                vocabulary[left + right] = len(vocabulary)
                merges.append([left, right])
    base = {
        "version": "1.0", "truncation": None, "padding": None, "added_tokens": [], "normalizer": None,
        "pre_tokenizer": BYTE_LEVEL, "post_processor": None, "decoder": BYTE_LEVEL,
        "model": {"type": "BPE", "vocab": vocabulary, "merges": merges},
    }
    size = len(vocabulary)
    rng = random.Random(3)
    with open(sys.argv[1], "w", encoding="utf-8", newline="\n") as out:
        def line(fields):
            out.write(json.dumps(fields, separators=(",", ":")) + "\n")

        line(base)
        for fields in configurations():
            for i, token in enumerate(fields.get("added_tokens", [])):
                # The library numbers added tokens on from the vocabulary and knows no gaps.
                known = vocabulary.get(token["content"])
                token["id"] = size + i if known is None else known
            tokenizer = tokenizers.Tokenizer.from_str(json.dumps({**base, **fields}))
            for token in fields.get("added_tokens", []):
                token["id"] = tokenizer.token_to_id(token["content"])
            cases = []
            for _ in range(9):
                text = "".join(rng.choice(TEXT) for _ in range(rng.randrange(1, 25)))
                ids = tokenizer.encode(text, add_special_tokens=False).ids
                cases.append([text, ids, tokenizer.decode(ids)])
            line({"fields": fields, "cases": cases})


if __name__ == "__main__":
    main()
