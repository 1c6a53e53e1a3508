package io.vllmd.ctl;

import static org.junit.jupiter.api.Assertions.assertEquals;

import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

class AmountsTest {
    @ParameterizedTest
    @CsvSource({
        "0,0 B",
        "999,999 B",
        "1000,1.0 kB",
        "999949,999.9 kB",
        "999950,1.0 MB",
        "15600000,15.6 MB",
        "4100000000,4.1 GB"
    })
    void bytesAreCountedInThousands(long bytes, String text) {
        assertEquals(text, Amounts.bytes(bytes));
    }

    @ParameterizedTest
    @CsvSource({"0,0 s", "59,59 s", "60,1 min 0 s", "3661,1 h 1 min", "90000,1 d 1 h"})
    void timesHaveTwoUnits(long seconds, String text) {
        assertEquals(text, Amounts.seconds(seconds));
    }
}
