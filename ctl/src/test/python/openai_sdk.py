"""The official openai SDK against a running daemon with Sprout: sync, async and streaming.

usage: openai_sdk.py BASE_URL
Prints each answer; exits with 1 and the reason where one is not as it must be.
"""

import asyncio
import json
import sys

import openai

BASE = sys.argv[1] + "/v1"
SUBJECTS = ["the sea", "a cat", "the moon", "rain", "bread", "a tree", "snow", "a river"]


def ask(content, **more):
    return dict(model="sprout", messages=[{"role": "user", "content": content}], temperature=0, **more)


def check(condition, what):
    if not condition:
        print(f"FAILED: {what}")
        sys.exit(1)


def sync():
    client = openai.OpenAI(base_url=BASE, api_key="none", max_retries=0)
    models = [model.id for model in client.models.list()]
    check("sprout" in models, f"models: {models}")
    check(client.models.retrieve("sprout").id == "sprout", "retrieve")

    chat = client.chat.completions.create(**ask("What is the capital of France?"))
    print("chat:", json.dumps(chat.choices[0].message.content), chat.choices[0].finish_reason, chat.usage.total_tokens)
    check(chat.choices[0].message.content == "The capital of France is Paris.", "the capital of France")
    check(chat.usage.prompt_tokens + chat.usage.completion_tokens == chat.usage.total_tokens, "usage adds up")

    system = client.chat.completions.create(
        model="default",
        temperature=0,
        messages=[
            {"role": "system", "content": "Answer in one word."},
            {"role": "user", "content": "What is the capital of France?"},
        ],
    )
    print("system prompt:", json.dumps(system.choices[0].message.content))
    check("Paris" in system.choices[0].message.content, "system prompt")

    stopped = client.chat.completions.create(**ask("What is the capital of France?", stop=[" is Paris"]))
    print("stop string:", json.dumps(stopped.choices[0].message.content), stopped.choices[0].finish_reason)
    check(stopped.choices[0].message.content == "The capital of France", "stop string")
    check(stopped.choices[0].finish_reason == "stop", "finish reason of a stop string")

    poem = ask("Write a short poem about the sea.", max_tokens=200)
    whole = client.chat.completions.create(**poem)
    pieces, finish, usage = [], None, None
    for chunk in client.chat.completions.create(**poem, stream=True, stream_options={"include_usage": True}):
        if chunk.usage:
            usage = chunk.usage
        for choice in chunk.choices:
            pieces.append(choice.delta.content or "")
            finish = choice.finish_reason or finish
    print("stream:", json.dumps("".join(pieces)), finish, usage.completion_tokens)
    check("".join(pieces) == whole.choices[0].message.content, "a stream is the whole answer")
    check(usage.completion_tokens == whole.usage.completion_tokens, "usage of a stream")

    with_events = []
    with client.chat.completions.stream(**ask("Who are you?")) as events:
        for event in events:
            with_events.append(event.type)
        final = events.get_final_completion()
    print("stream helper:", json.dumps(final.choices[0].message.content), len(with_events), "events")

    thinking = client.chat.completions.create(**ask("What is 12 + 35?"))
    print("reasoning:", json.dumps(thinking.choices[0].message.reasoning_content), "→", thinking.choices[0].message.content)
    check("47" in thinking.choices[0].message.content, "12 + 35")

    for wrong, error in [
        (dict(temperature=3), openai.BadRequestError),
        (dict(model="nobody"), openai.NotFoundError),
        (dict(messages=[]), openai.BadRequestError),
    ]:
        try:
            client.chat.completions.create(**{**ask("Hello"), **wrong})
            check(False, f"{wrong} was accepted")
        except error as e:
            print("refused:", e.status_code, e.message)


async def together():
    client = openai.AsyncOpenAI(base_url=BASE, api_key="none", max_retries=0)
    prompts = [f"Write a short poem about {s}." for s in SUBJECTS] + [f"Tell me a short story about {s}." for s in SUBJECTS]
    alone = {}
    for prompt in prompts:
        answer = await client.chat.completions.create(**ask(prompt, max_tokens=150))
        alone[prompt] = answer.choices[0].message.content or ""

    async def stream(index, prompt):
        text = ""
        chunks = await client.chat.completions.create(**ask(prompt, max_tokens=150), stream=True)
        async for chunk in chunks:
            text += chunk.choices[0].delta.content or ""
            if index % 4 == 3 and len(text) > 10:
                await chunks.close()
                return prompt, None
        return prompt, text

    results = await asyncio.gather(*(stream(i, p) for i, p in enumerate(prompts)))
    left = sum(text is None for _, text in results)
    equal = sum(text == alone[prompt] for prompt, text in results if text is not None)
    print(f"16 streams at once: {left} disconnected, {equal} of {16 - left} equal to the same request alone")
    check(left == 4 and equal == 12, "concurrent streams")
    again = await client.chat.completions.create(**ask("Who are you?"))
    check(again.choices[0].finish_reason == "stop", "the daemon serves on")


sync()
asyncio.run(together())
print("all as it must be")
