"""The headline workload: ten short prompts sent at once, 64 tokens each, temperature 0."""

MAX_TOKENS = 64

TOPICS = [
    "the sea", "a river", "the moon", "winter", "a fox", "an old tree", "the rain", "a small house", "morning", "bees",
    "the wind", "a garden", "the stars", "autumn", "a cat", "a mountain", "the snow", "a lamp", "evening", "birds",
    "a lake", "the desert", "the sun", "spring", "a horse", "a rose", "the fog", "a bridge", "midnight", "ants",
    "an island", "the forest", "a cloud", "summer", "a dog", "an apple", "thunder", "a clock", "noon", "whales",
    "a harbour", "the meadow", "a comet", "the frost", "a mouse", "a willow", "the dew", "a tower", "dawn", "owls",
    "a spring", "the valley", "the sky", "the harvest", "a bear", "a fern", "the hail", "a candle", "dusk", "swans",
]


def round_of(number):
    """Ten prompts, others in each of six rounds: no side answers a round from what it kept of the one before."""
    start = 10 * number % len(TOPICS)
    return [f"Write a short poem about {topic}." for topic in TOPICS[start:start + 10]]
