package io.vllmd.chat.tokenizer;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;

import java.util.Random;
import org.junit.jupiter.api.Test;

class DetokenizerTest {

    @Test
    void aCharacterComesOutWithItsLastByte() {
        Detokenizer detokenizer = TestTokenizer.bytes().load().detokenizer();
        assertEquals("", detokenizer.push(0xf0));
        assertEquals("", detokenizer.push(0x9f));
        assertEquals("", detokenizer.push(0x98));
        assertEquals("😀", detokenizer.push(0x80));
        assertEquals("", detokenizer.finish());
    }

    @Test
    void bytesOfACharacterThatNeverCompletesComeOutAsOneReplacement() {
        Detokenizer detokenizer = TestTokenizer.bytes().load().detokenizer();
        assertEquals("", detokenizer.push(0xe4));
        assertEquals("\ufffda", detokenizer.push('a'));
        assertEquals("", detokenizer.push(0xe4));
        assertEquals("\ufffd", detokenizer.finish());
        assertEquals("", detokenizer.finish());
    }

    @Test
    void specialTokensAreLeftOutUnlessAskedFor() {
        Tokenizer tokenizer = TestTokenizer.bytes().added("<end>", "special").load();
        assertEquals("", tokenizer.detokenizer().push(256));
        assertEquals("<end>", tokenizer.detokenizer(true).push(256));
    }

    @Test
    void piecesMakeTheTextOfTheWholeAndNoneIsBroken() {
        Tokenizer tokenizer = TestTokenizer.sprout();
        Random random = new Random(11);
        for (int round = 0; round < 3000; round++) {
            boolean keepSpecial = random.nextBoolean();
            int[] ids = random.ints(random.nextInt(1, 40), 0, random.nextBoolean() ? 260 : 6150)
                    .toArray();
            Detokenizer detokenizer = tokenizer.detokenizer(keepSpecial);
            StringBuilder text = new StringBuilder();
            for (int id : ids) {
                String piece = detokenizer.push(id);
                assertFalse(endsInsideCharacter(piece));
                text.append(piece);
            }
            text.append(detokenizer.finish());
            assertEquals(tokenizer.decode(ids, keepSpecial), text.toString());
        }
    }

    private static boolean endsInsideCharacter(String piece) {
        return !piece.isEmpty()
                && (Character.isHighSurrogate(piece.charAt(piece.length() - 1))
                        || Character.isLowSurrogate(piece.charAt(0)));
    }
}
