package io.vllmd.chat.tokenizer;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.nio.charset.StandardCharsets;
import java.util.Arrays;
import java.util.Optional;
import java.util.Random;
import org.junit.jupiter.api.Test;

class TokenizerTest {

    private static int[] bytes(String text) {
        byte[] bytes = text.getBytes(StandardCharsets.UTF_8);
        int[] ids = new int[bytes.length];
        for (int i = 0; i < ids.length; i++) {
            ids[i] = bytes[i] & 0xff;
        }
        return ids;
    }

    private static int[] ids(int... ids) {
        return ids;
    }

    @Test
    void mergesOfLowerRankComeFirst() {
        Tokenizer tokenizer = TestTokenizer.bytes()
                .merge("b", "c")
                .merge("a", "b")
                .merge("a", "bc")
                .load();
        assertArrayEquals(ids(258), tokenizer.encode("abc"));
        assertArrayEquals(ids(257, 'd'), tokenizer.encode("abd"));
    }

    @Test
    void shortAndLongWordsMergeAlike() {
        TestTokenizer file = TestTokenizer.bytes();
        for (String merge : "a a,b a,a b,aa b,aa aa,ba ba,ab aa,aab aab".split(",")) {
            file.merge(merge.split(" ")[0], merge.split(" ")[1]);
        }
        Tokenizer tokenizer = file.load();
        Random random = new Random(4);
        for (int round = 0; round < 500; round++) {
            StringBuilder word = new StringBuilder();
            for (int i = 2 + random.nextInt(78); i > 0; i--) {
                word.append("ab".charAt(random.nextInt(2)));
            }
            assertArrayEquals(merged(tokenizer, word.toString()), tokenizer.encode(word.toString()), word.toString());
        }
    }

    /** The definition: the pair of the lowest id, which here is rank order, merges first, the leftmost of equals. */
    private static int[] merged(Tokenizer tokenizer, String word) {
        int[] ids = bytes(word);
        while (true) {
            int best = -1;
            int bestId = Integer.MAX_VALUE;
            for (int i = 0; i + 1 < ids.length; i++) {
                int id = pairId(tokenizer, ids[i], ids[i + 1]);
                if (id >= 0 && id < bestId) {
                    best = i;
                    bestId = id;
                }
            }
            if (best < 0) {
                return ids;
            }
            int[] shorter = Arrays.copyOf(ids, ids.length - 1);
            shorter[best] = bestId;
            System.arraycopy(ids, best + 2, shorter, best + 1, ids.length - best - 2);
            ids = shorter;
        }
    }

    private static int pairId(Tokenizer tokenizer, int left, int right) {
        String pair = tokenizer.decode(ids(left)) + " " + tokenizer.decode(ids(right));
        int rank = Arrays.asList("a a,b a,a b,aa b,aa aa,ba ba,ab aa,aab aab".split(","))
                .indexOf(pair);
        return rank < 0 ? -1 : 256 + rank;
    }

    @Test
    void ignoreMergesTakesAWholeWordOfTheVocabulary() {
        TestTokenizer file = TestTokenizer.bytes()
                .merge("x", "y")
                .merge("a", "b")
                .merge("b", "c")
                .merge("a", "bc");
        assertArrayEquals(ids(257, 'c'), file.load().encode("abc"));
        assertArrayEquals(ids(259), file.option("\"ignore_merges\":true").load().encode("abc"));
    }

    @Test
    void theLongestOfTheAddedTokensThatStartFirstIsTaken() {
        Tokenizer tokenizer =
                TestTokenizer.bytes().added("<a").added("<ab>").added("b>x").load();
        assertArrayEquals(ids(257), tokenizer.encode("<ab>"));
        assertArrayEquals(ids(257, 'x'), tokenizer.encode("<ab>x"));
        assertArrayEquals(ids(256, 'c', 258), tokenizer.encode("<acb>x"));
    }

    @Test
    void stripFlagsTakeWhiteSpaceAlongAndSingleWordsStandAlone() {
        Tokenizer tokenizer = TestTokenizer.bytes()
                .added("<l>", "lstrip")
                .added("<r>", "rstrip")
                .added("word", "single_word")
                .load();
        assertArrayEquals(ids('a', 256, 'b'), tokenizer.encode("a \n<l>b"));
        assertArrayEquals(ids('a', 257, 'b'), tokenizer.encode("a<r> \u00a0\tb"));
        assertArrayEquals(ids(257, 256), tokenizer.encode("<r>  <l>"));
        assertArrayEquals(ids(258), tokenizer.encode("word"));
        assertArrayEquals(ids('-', 258, '.'), tokenizer.encode("-word."));
        assertArrayEquals(bytes("sword words word_"), tokenizer.encode("sword words word_"));
    }

    @Test
    void normalizedTokensAreFoundInNormalizedTextOnly() {
        String lowercase = "{\"type\":\"Lowercase\"}";
        Tokenizer tokenizer = TestTokenizer.bytes()
                .normalizer(lowercase)
                .added("<RAW>")
                .added("<Any>", "normalized")
                .load();
        assertArrayEquals(ids(256, 257, 257), tokenizer.encode("<RAW><any><ANY>"));
        assertArrayEquals(bytes("<raw>"), tokenizer.encode("<raw>"));
    }

    @Test
    void specialTokensAreTextWhereTheyAreNotToBeParsed() {
        Tokenizer tokenizer =
                TestTokenizer.bytes().added("<end>", "special").added("<tool>").load();
        assertArrayEquals(ids('a', 256, 257), tokenizer.encode("a<end><tool>"));
        assertArrayEquals(ids('a', '<', 'e', 'n', 'd', '>', 257), tokenizer.encode("a<end><tool>", false));
    }

    @Test
    void decodingLeavesSpecialTokensOutById() {
        Tokenizer tokenizer = TestTokenizer.bytes().added("<end>", "special").load();
        int[] spelled = tokenizer.encode("<end>", false);
        assertEquals("<end>", tokenizer.decode(spelled));
        assertEquals("ab", tokenizer.decode(ids('a', 256, 'b')));
        assertEquals("a<end>b", tokenizer.decode(ids('a', 256, 'b'), true));
    }

    @Test
    void idsWithoutATokenDecodeToNothing() {
        Tokenizer tokenizer = TestTokenizer.bytes().load();
        assertEquals("ab", tokenizer.decode(ids('a', 256, 5_000_000, -1, Integer.MIN_VALUE, 'b')));
        assertEquals(0, tokenizer.bytes(-1).length);
        assertFalse(tokenizer.isSpecial(-1));
    }

    @Test
    void brokenUtf8GivesOneReplacementForEachMaximalPart() {
        Tokenizer tokenizer = TestTokenizer.bytes().load();
        assertEquals("\ufffd\ufffd\ufffd", tokenizer.decode(ids(0xed, 0xa0, 0x80)));
        assertEquals("\ufffda", tokenizer.decode(ids(0xf0, 0x9f, 0x98, 'a')));
        assertEquals("\ufffd\ufffd", tokenizer.decode(ids(0xc0, 0xaf)));
        assertEquals("\ufffd", tokenizer.decode(ids(0xe4, 0xb8)));
    }

    @Test
    void halvesOfSurrogatePairsEncodeAsReplacementCharacters() {
        Tokenizer tokenizer = TestTokenizer.bytes().load();
        assertArrayEquals(bytes("a\ufffdb\ufffd😀\ufffd"), tokenizer.encode("a\ud83db\ude00😀\ud83d"));
    }

    @Test
    void anEmptyTextHasNoIds() {
        assertEquals(0, TestTokenizer.sprout().encode("").length);
        assertEquals("", TestTokenizer.sprout().decode(ids()));
    }

    @Test
    void sproutsTokensAreKnownByTextAndId() {
        Tokenizer tokenizer = TestTokenizer.sprout();
        assertEquals(6144, tokenizer.vocabularySize());
        assertEquals(Optional.of(6138), tokenizer.id("<think>"));
        assertEquals(Optional.empty(), tokenizer.id("<nothing>"));
        assertEquals("<think>", new String(tokenizer.bytes(6138), StandardCharsets.UTF_8));
        assertFalse(tokenizer.isSpecial(6138));
        assertTrue(tokenizer.isSpecial(6133));
    }

    @Test
    void aMegabyteOfOneLetterIsOneWord() {
        Tokenizer tokenizer = TestTokenizer.sprout();
        String word = "a".repeat(1 << 20);
        assertEquals(word, tokenizer.decode(tokenizer.encode(word)));
    }
}
