package io.vllmd.control;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.IOException;
import java.lang.foreign.MemorySegment;
import org.junit.jupiter.api.Test;

class PeerCredentialsTest {

    @Test
    void linuxTellsPidThenUid() {
        var ucred = MemorySegment.ofArray(new int[] {4711, 501, 20});
        assertEquals(PeerCredentials.Socket.UCRED_BYTES, ucred.byteSize());
        assertEquals(new Peer(501, 4711), PeerCredentials.Socket.ofUcred(ucred));
    }

    @Test
    void macosTellsUidAndPidApart() throws IOException {
        int[] xucred = new int[PeerCredentials.Socket.XUCRED_BYTES / 4];
        xucred[1] = -2;
        var pid = MemorySegment.ofArray(new int[] {99});
        assertEquals(new Peer(4294967294L, 99), PeerCredentials.Socket.ofXucred(MemorySegment.ofArray(xucred), pid));
        xucred[0] = 1;
        assertThrows(IOException.class, () -> PeerCredentials.Socket.ofXucred(MemorySegment.ofArray(xucred), pid));
    }

    @Test
    void aDescriptorThatIsNoSocketIsAnError() {
        assertThrows(IOException.class, () -> PeerCredentials.ofSystem().of(0x7fffffff));
    }

    @Test
    void onlyTheOwnerAndRootMaySteer() {
        assertTrue(new Peer(501, 1).maySteer(501));
        assertTrue(new Peer(0, 1).maySteer(501));
        assertFalse(new Peer(502, 1).maySteer(501));
    }
}
