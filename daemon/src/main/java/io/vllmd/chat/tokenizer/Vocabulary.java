package io.vllmd.chat.tokenizer;

import java.nio.charset.StandardCharsets;
import java.util.Arrays;
import java.util.BitSet;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import org.jspecify.annotations.Nullable;

/** Tokens by id and ids by token. */
final class Vocabulary {
    private static final byte[] NO_BYTES = {};

    private final Map<String, Integer> model;
    private final Map<String, Integer> added = new HashMap<>();
    private final byte[][] bytes;
    private final BitSet special = new BitSet();

    /**
     * @param model the BPE model's tokens in the byte alphabet
     * @param addedTokens tokens beside these
     */
    Vocabulary(Map<String, Integer> model, List<AddedToken> addedTokens) {
        this.model = model;
        int highest = -1;
        for (int id : model.values()) {
            highest = Math.max(highest, id);
        }
        for (AddedToken token : addedTokens) {
            highest = Math.max(highest, token.id());
        }
        bytes = new byte[highest + 1][];
        Arrays.fill(bytes, NO_BYTES);
        model.forEach((token, id) -> bytes[id] = decoded(token));
        for (AddedToken token : addedTokens) {
            added.put(token.content(), token.id());
            bytes[token.id()] = decoded(token.text());
            special.set(token.id(), token.special());
        }
    }

    /**
     * What the reference's decoder makes of a token, added ones included: bytes where all its characters stand for
     * bytes, else its own UTF-8.
     */
    private static byte[] decoded(String token) {
        byte @Nullable [] decoded = ByteAlphabet.unmap(token, 0, token.length());
        return decoded == null ? token.getBytes(StandardCharsets.UTF_8) : decoded;
    }

    int size() {
        return bytes.length;
    }

    Optional<Integer> id(String token) {
        Integer id = added.get(token);
        return Optional.ofNullable(id == null ? model.get(token) : id);
    }

    Optional<Integer> modelId(String token) {
        return Optional.ofNullable(model.get(token));
    }

    /** Not to be changed; empty for an id without a token. */
    byte[] bytes(int id) {
        return id >= 0 && id < bytes.length ? bytes[id] : NO_BYTES;
    }

    boolean isSpecial(int id) {
        return id >= 0 && special.get(id);
    }
}
