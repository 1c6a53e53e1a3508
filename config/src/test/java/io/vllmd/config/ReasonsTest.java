package io.vllmd.config;

import static org.junit.jupiter.api.Assertions.assertEquals;

import java.io.IOException;
import java.nio.file.AccessDeniedException;
import java.nio.file.FileAlreadyExistsException;
import java.nio.file.FileSystemException;
import java.nio.file.NoSuchFileException;
import org.junit.jupiter.api.Test;

class ReasonsTest {
    @Test
    void aDisksRefusalNamesFileAndReason() {
        assertEquals("/a: permission denied", Reasons.of(new AccessDeniedException("/a")));
        assertEquals("/a does not exist", Reasons.of(new NoSuchFileException("/a")));
        assertEquals("/a is there already and is no folder", Reasons.of(new FileAlreadyExistsException("/a")));
        assertEquals(
                "/a: No space left on device",
                Reasons.of(new FileSystemException("/a", null, "No space left on device")));
        assertEquals("Broken pipe", Reasons.of(new IOException("Broken pipe")));
    }

    @Test
    void aParsersWordsEndWhereItSpeaksOfItself() {
        assertEquals(
                "Unexpected end-of-input: expected close marker for Object",
                Reasons.ofParser(
                        "Unexpected end-of-input: expected close marker for Object (start marker at [Source: x])"));
        assertEquals(
                "Document nesting depth (101) exceeds the maximum allowed (100)",
                Reasons.ofParser("Document nesting depth (101) exceeds the maximum allowed (100, from"
                        + " `StreamReadConstraints.getMaxNestingDepth()`)"));
        assertEquals(
                "Non-standard token 'NaN'",
                Reasons.ofParser(
                        "Non-standard token 'NaN': enable `JsonReadFeature.ALLOW_NON_NUMERIC_NUMBERS` to allow"));
        assertEquals("Invalid UTF-8 start byte 0xff", Reasons.ofParser("Invalid UTF-8 start byte 0xff\n at [Source]"));
    }
}
