package io.vllmd.chat.tokenizer;

import io.vllmd.config.Problem;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.List;
import java.util.Optional;
import java.util.function.UnaryOperator;
import org.jspecify.annotations.Nullable;

/**
 * The tokenizer of a tokenizer.json: byte-level BPE with added tokens. Ids and texts are those of Hugging Face's
 * tokenizers library, with {@code add_special_tokens} off: what a chat template renders has its special tokens already.
 * Truncation and padding are for batches of training examples and not applied. Immutable; any thread may use it.
 */
public final class Tokenizer {
    private final Vocabulary vocabulary;
    private final BytePairMerges merges;
    private final boolean ignoreMerges;
    private final AddedTokens rawTokens;
    private final UnaryOperator<String> normalizer;
    private final AddedTokens normalizedTokens;
    private final PreTokenizer preTokenizer;
    private final WordCache cache = new WordCache();

    Tokenizer(
            Vocabulary vocabulary,
            BytePairMerges merges,
            boolean ignoreMerges,
            List<AddedToken> added,
            UnaryOperator<String> normalizer,
            PreTokenizer preTokenizer) {
        this.vocabulary = vocabulary;
        this.merges = merges;
        this.ignoreMerges = ignoreMerges;
        this.normalizer = normalizer;
        this.preTokenizer = preTokenizer;
        rawTokens = new AddedTokens(added, false);
        normalizedTokens = new AddedTokens(added, true);
    }

    /**
     * Reads a tokenizer.json.
     *
     * @throws io.vllmd.config.ProblemException NOT_FOUND where there is no such file, INVALID where it is damaged,
     *     UNSUPPORTED where it has a part that vllmd does not read, naming the part and what is read
     */
    public static Tokenizer load(Path tokenizerJson) {
        return TokenizerAssembly.assemble(TokenizerFile.read(tokenizerJson));
    }

    /** The ids of a text in which added tokens, special ones too, are recognised wherever they stand. */
    public int[] encode(String text) {
        return encode(text, true);
    }

    /**
     * The ids of a text; "" has none.
     *
     * @param parseSpecial whether special tokens are recognised; where not, {@code <|im_end|>} is ten characters
     * @throws io.vllmd.config.ProblemException UNSUPPORTED where a regular expression of the tokenizer takes too much
     *     stack
     */
    public int[] encode(String text, boolean parseSpecial) {
        try {
            return new Encoding(parseSpecial).encode(Unicode.wellFormed(text));
        } catch (StackOverflowError e) {
            // java.util.regex recurses where a group is repeated.
            throw Problem.of(
                            Problem.Kind.UNSUPPORTED,
                            "A regular expression of the model's tokenizer.json needs more stack than there is for a text"
                                    + " of " + text.length() + " characters. Send a shorter text.",
                            "tokenizer.json")
                    .asException(e);
        }
    }

    /** The text of ids without special tokens; ids that have no token are passed over, broken UTF-8 gives U+FFFD. */
    public String decode(int[] ids) {
        return decode(ids, false);
    }

    public String decode(int[] ids, boolean keepSpecial) {
        Detokenizer detokenizer = new Detokenizer(this, keepSpecial);
        StringBuilder text = new StringBuilder(ids.length * 4);
        for (int id : ids) {
            detokenizer.append(id, text);
        }
        detokenizer.finish(text);
        return text.toString();
    }

    /** Decodes one id at a time, without special tokens. */
    public Detokenizer detokenizer() {
        return detokenizer(false);
    }

    public Detokenizer detokenizer(boolean keepSpecial) {
        return new Detokenizer(this, keepSpecial);
    }

    /** One more than the highest id. A model's vocabulary may be larger: ids from here on have no token. */
    public int vocabularySize() {
        return vocabulary.size();
    }

    /**
     * The id of one token.
     *
     * @param token an added token as it stands in text, another one in the vocabulary's own alphabet, where a space is
     *     Ġ; the two are the same for ASCII without spaces
     */
    public Optional<Integer> id(String token) {
        return vocabulary.id(token);
    }

    /** The UTF-8 bytes of a token, maybe only a part of a character; none for an id without a token. */
    public byte[] bytes(int id) {
        return sharedBytes(id).clone();
    }

    /** Whether each token of the other one is the same here. */
    public boolean hasTokensOf(Tokenizer other) {
        for (int id = 0; id < other.vocabulary.size(); id++) {
            if (!Arrays.equals(vocabulary.bytes(id), other.vocabulary.bytes(id))) {
                return false;
            }
        }
        return true;
    }

    /** As {@link #bytes}, not to be changed. */
    byte[] sharedBytes(int id) {
        return vocabulary.bytes(id);
    }

    /** Whether this is a special token, which is no part of decoded text. */
    public boolean isSpecial(int id) {
        return vocabulary.isSpecial(id);
    }

    private int[] wordIds(String word) {
        byte @Nullable [] bytes = preTokenizer.isMapped()
                ? ByteAlphabet.unmap(word, 0, word.length())
                : word.getBytes(StandardCharsets.UTF_8);
        if (bytes == null) {
            throw new IllegalStateException("a pre-tokenizer gave a word outside the byte alphabet");
        }
        if (ignoreMerges) {
            Optional<Integer> whole = vocabulary.modelId(ByteAlphabet.map(bytes));
            if (whole.isPresent()) {
                return new int[] {whole.get()};
            }
        }
        return merges.encode(bytes);
    }

    /** One text on its way to ids. */
    private final class Encoding implements PreTokenizer.Words {
        private final boolean parseSpecial;
        private final IntList ids = new IntList();
        private final PreTokenizer.Run run = preTokenizer.run(this);

        Encoding(boolean parseSpecial) {
            this.parseSpecial = parseSpecial;
        }

        int[] encode(String text) {
            split(rawTokens, text, (start, end) -> {
                String normalized = normalizer.apply(text.substring(start, end));
                split(normalizedTokens, normalized, (from, to) -> run.cut(normalized, from, to));
            });
            return ids.toArray();
        }

        private void split(AddedTokens tokens, String text, Span between) {
            tokens.split(text, parseSpecial, new AddedTokens.Sink() {
                @Override
                public void text(int start, int end) {
                    between.take(start, end);
                }

                @Override
                public void token(int id) {
                    ids.add(id);
                }
            });
        }

        @Override
        public void word(String text, int start, int end) {
            if (end - start > WordCache.LONGEST) {
                ids.addAll(wordIds(text.substring(start, end)));
                return;
            }
            int @Nullable [] known = cache.get(text, start, end);
            if (known == null) {
                String word = text.substring(start, end);
                known = wordIds(word);
                cache.put(word, known);
            }
            ids.addAll(known);
        }
    }

    private interface Span {
        void take(int start, int end);
    }
}
