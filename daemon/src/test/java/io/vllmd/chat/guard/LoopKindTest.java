package io.vllmd.chat.guard;

import static org.junit.jupiter.api.Assertions.assertEquals;

import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

class LoopKindTest {

    @ParameterizedTest
    @CsvSource(
            delimiter = '~',
            ignoreLeadingAndTrailingWhitespace = false,
            value = {
                "  ~BLANK",
                "----~SYMBOLS",
                "0, 0, 0, ~SYMBOLS",
                "🎉🎉~SYMBOLS",
                "AAAAAAAA~SYMBOLS",
                "hahahaha~SYMBOLS",
                "哈哈哈哈~DATA",
                "null, null, ~DATA",
                "| to do | not started |~DATA",
                "x = x + 1~DATA",
                "yes. yes. yes. ~DATA",
                " the the the~PROSE",
                "I don't know, and I don't care. ~PROSE",
                "\"Who is there?\" asked the old man at the gate. ~PROSE",
                "我不知道。我不知道。~PROSE",
                "ฉันไม่รู้ฉันไม่รู้~PROSE",
                "मुझे नहीं पता। मुझे नहीं पता। ~PROSE"
            })
    void isToldByTheText(String text, LoopKind kind) {
        assertEquals(kind, LoopKind.of(text));
    }
}
