"""Writes what Hugging Face's tokenizers library makes of hard and of random strings, one JSON object a line.

    python -m venv target/python && target/python/bin/pip install -r src/test/python/requirements-tokenizer.txt
    target/python/bin/python src/test/python/tokenizer_reference.py TOKENIZER_JSON OUT [--random N] [--seed S]

Lines with "text" hold its ids, and its decoded text where that differs; lines without hold random ids and their text.
The committed fixture is `sprout-15m-8bit/tokenizer.json src/test/resources/io/vllmd/chat/tokenizer/sprout.jsonl`.
"""

import argparse
import json
import random

import tokenizers

CODE = [
    "def f(x):\n    return x ** 2  # squared\n",
    "for (int i = 0; i < n; i++) {\n\t\ta[i] += b[i] >> 3;\n\t}\r\n",
    "SELECT * FROM t WHERE a='it''s' AND b >= 10.5e-3;",
    "<div class=\"a b\">&nbsp;&copy; 2024</div><!-- x -->",
    "#include <stdio.h>\n\nint main(void) { printf(\"%d\\n\", 0x7fff); }\n",
    "fn main() -> Result<(), Box<dyn Error>> { let x: &'static str = r#\"raw\"#; }",
    "{\"name\": \"get_weather\", \"arguments\": {\"city\": \"Paris\", \"n\": [1, 2.5, null, true]}}",
    "curl -sS https://example.org/a?b=c&d=%20e | jq '.[] | .id' > /dev/null 2>&1",
    "x=$((y+1)); echo \"${arr[@]}\" && [[ -f \"$f\" ]] || exit 1",
    "    indented\n        more\n\tTab\n \t mixed \n\n\n\nend",
    "λx.∀y∃z → ∞ ≠ ≤ ≥ ∑∏∫√ ½⅓ ⅷ ① ²³ H₂O",
    "a\\b\\\\c \\n \\u00e9 \\x41",
]
LANGUAGES = [
    "The quick brown fox jumps over the lazy dog. It's, he'll, they've, I'M, WE'RE, don't, 'tis, o'clock's",
    "Größe, Übermut, Straße, naïve café, Ærøskøbing, łódź, şehir, İstanbul ıIiİ",
    "Привет, как дела? Съешь ещё этих мягких французских булок",
    "你好，世界！今天天气怎么样？漢字仮名交じり文。",
    "こんにちは、カタカナ、ﾊﾝｶｸ、㈱㌔、々〆ヶ",
    "안녕하세요 세계 각 한글",
    "مرحبا بالعالم كيف حالك؟ لَا إِلٰهَ ١٢٣٤٥",
    "שלום עולם מָה שְׁלוֹמְךָ",
    "नमस्ते दुनिया क्षत्रिय श्रीमान् १२३",
    "สวัสดีชาวโลก น้ำใจ กำลัง",
    "வணக்கம் உலகம் தமிழ்", "ನಮಸ್ಕಾರ", "ഹലോ ലോകം", "ສະບາຍດີ", "မင်္ဂလာပါ", "ជំរាបសួរ", "გამარჯობა", "Բարեւ", "ᏣᎳᎩ", "ᠮᠣᠩᠭᠣᠯ",
    "𝕳𝖊𝖑𝖑𝖔 𝒲𝑜𝓇𝓁𝒹 ℌ ﬁ ﬂ ﬃ ſ 'ſ it'ſ Å Å ẛ̣",
]
EMOJI = [
    "😀😃😄", "👨‍👩‍👧‍👦 family", "🏳️‍🌈🏴‍☠️", "👍🏽👩🏿‍🚀", "🇩🇪🇫🇷🇯🇵🇺", "1️⃣#️⃣*️⃣", "☺︎☺️❤️‍🔥", "🫠🫨🪿", "a😀b😀 c 😀", "\U0001F9D1\u200d\U0001F384",
]
COMBINING = [
    "e\u0301 \u00e9 e\u0301\u0323 e\u0323\u0301", "a\u0308\u0304 A\u030a \u212b", "\u1100\u1161\u11a8 \uac01", "\u0301start", " \u0301x", "q\u0307\u0323 q\u0323\u0307",
    "Z\u0351\u036b\u0343a\u0335\u0334\u0327l\u0321\u0353g\u0322o\u0360", "\u0958 \u0915\u093c", "\u0344 \u0340 \u0341 \u0343", "\u2126 \u00c5 \u1e9b\u0323", "\ufb1d \u05d9\u05b4", "\u0f73 \u0f71\u0f72",
    "\u09c7\u09be \u0bc6\u0bbe \u1025\u102e", "\u3099 \u304b\u3099 \u30cf\u309a",
]
CONTROL = [
    "\u0000", "a\u0000b", "\u0001\u0002\u001f\u007f", "\u0080\u0085\u009f", "\ufeffBOM", "a\u00adb", "a\u200bb\u200c\u200d", "\u2028\u2029", "\u202atext\u202c", "\ufffd\ufffe\uffff", "\U0010ffff \U000e0001\U000e0041", "\ue000 \U000f0000", "\b\f\v",
]
SPACES = [
    "", " ", "  ", "   ", "\n", "\n\n", "\n\n\n", "\r\n", "\r\n\r\n", "\r", "\t", "\t\t", " \n", "\n ", " \n ", "  \n  ", "\n \n \n", "a ", " a", "a  b", "a   b", "a \n b", "a\n\n b", "   a   b   ", "\u00a0", "a\u00a0b", "\u00a0\u00a0 a", "\u3000a\u3000\u3000b", "\u2009a \u2009b", "\u1680", "\u0085\n", "\x1c\x1d\x1e\x1f x", "a\t \tb", ".\n", "!\n\n", "!\r\n x", " !", "  !", " !!!\n\n\nx", "x" + " " * 40 + "y", "\n" * 33, " \t" * 17,
]
DIGITS = ["0", "12", "123", "1234567890", " 1 22 333", "3.14159", "1,000,000.00", "-1e10", "v1.2.3-rc4", "٣٤", "१२", "Ⅷⅷ", "²³¹", "½¾", "1st2nd", "0x1F", "２０２４"]
TAGS = ["<|im_start|>", "<|im_end|>", "<|endoftext|>", "<think>", "</think>", "<tool_call>", "</tool_call>", "<tool_response>", "</tool_response>", "<|vision_start|>", "<|image_pad|>"]


def hard_strings():
    yield from CODE + LANGUAGES + EMOJI + COMBINING + CONTROL + SPACES + DIGITS
    for tag in TAGS:
        yield from (tag, tag + tag, " " + tag + " ", "a" + tag + "b", tag[:-1], tag[1:], "<" + tag + ">", tag + "\n\n" + tag, tag.upper())
    yield "<|im_start|>user\nHi <think>x</think> don't\u00a0stop \t\n\n  42 12345<|im_end|>\n<|im_start|>assistant\n"
    yield "<think>\n\n</think>\n\n<tool_call>\n{\"name\": \"f\", \"arguments\": {}}\n</tool_call>"
    yield "<|im_<|im_end|>end|> <<think>> <think <think>"
    yield "e<|im_end|>\u0301 \u0301<think>\u0301"
    for letter in ("a", "e", " ", "\n", "=", "漢", "😀", "1", "an"):
        yield letter * 100
    yield "abcdefghij" * 30
    for tail in ("s", "T", "re", "VE", "m", "lL", "d", "x", ""):
        yield f"it'{tail} '{tail} I'{tail}'{tail}"


def random_character(rng):
    while True:
        kind = rng.randrange(9)
        if kind <= 1:
            return rng.choice(" \n\t\r'sStTlLdD\u00a0a1.!<>|/")
        limits = ((0, 128), (0, 0x300), (0, 0x3000), (0x2000, 0x2100), (0x300, 0x370), (0, 0x20000), (0, 0x110000))
        c = rng.randrange(*limits[kind - 2])
        if not 0xD800 <= c < 0xE000:
            return chr(c)


def random_string(rng):
    parts = []
    for _ in range(rng.randrange(1, 20)):
        parts.append(rng.choice(TAGS) if rng.randrange(25) == 0 else random_character(rng) * rng.choice((1, 1, 1, 1, 2, 5)))
    return "".join(parts)


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("tokenizer")
    parser.add_argument("out")
    parser.add_argument("--random", type=int, default=400)
    parser.add_argument("--seed", type=int, default=1)
    arguments = parser.parse_args()
    tokenizer = tokenizers.Tokenizer.from_file(arguments.tokenizer)
    rng = random.Random(arguments.seed)
    texts = list(hard_strings()) + [random_string(rng) for _ in range(arguments.random)]
    size = tokenizer.get_vocab_size()
    with open(arguments.out, "w", encoding="utf-8", newline="\n") as out:
        def line(**fields):
            out.write(json.dumps(fields, ensure_ascii=True, separators=(",", ":")) + "\n")

        for text in texts:
            ids = tokenizer.encode(text, add_special_tokens=False).ids
            decoded = tokenizer.decode(ids)
            line(text=text, ids=ids, **({} if decoded == text else {"decoded": decoded}))
        for _ in range(arguments.random):
            # Low ids are mostly single bytes, so that broken UTF-8 comes up often.
            ids = [rng.randrange(rng.choice((256, 256, size, size + 10))) for _ in range(rng.randrange(1, 12))]
            line(ids=ids, decoded=tokenizer.decode(ids))


if __name__ == "__main__":
    main()
