package io.vllmd.ctl.bench;

import java.util.List;
import java.util.Random;

/** Text of common words, which tokenizers of most models take for about a token each. */
final class Words {
    private static final List<String> WORDS =
            List.of(("river stone garden yellow market window little bread story friend"
                            + " walked under bright morning table slowly carried small basket happy children played near water"
                            + " tree because after before found gave said looked again house winter summer paper letter road"
                            + " mountain silver quiet evening kitchen doctor teacher music colour number question answer"
                            + " between around through nothing something always never often early late open close begin"
                            + " follow remember forget bring carry build break write read listen speak think know believe"
                            + " north south east west cloud rain snow wind fire earth field forest island harbour bridge")
                    .split(" "));

    private Words() {}

    /** So many words; the same seed gives the same ones, and more of them begins with fewer of them. */
    static String of(int count, long seed) {
        // Near seeds give near first numbers; these are spread.
        var random = new Random(seed * 0x9E3779B97F4A7C15L);
        var text = new StringBuilder(7 * count);
        for (int i = 0; i < count; i++) {
            text.append(i == 0 ? "" : " ").append(WORDS.get(random.nextInt(WORDS.size())));
        }
        return text.toString();
    }
}
