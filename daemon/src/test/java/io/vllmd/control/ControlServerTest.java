package io.vllmd.control;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertInstanceOf;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.vllmd.config.ControlSettings;
import io.vllmd.config.Problem;
import io.vllmd.config.ProblemException;
import io.vllmd.control.protocol.ErrorCode;
import io.vllmd.control.protocol.Message;
import io.vllmd.control.protocol.MessageCodec;
import io.vllmd.control.protocol.Methods;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.PosixFilePermissions;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Random;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.CyclicBarrier;
import java.util.concurrent.LinkedBlockingQueue;
import java.util.concurrent.atomic.AtomicReference;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;

@Timeout(60)
class ControlServerTest {
    private static final ControlSettings SETTINGS = new ControlSettings(8, Duration.ofSeconds(20));

    @TempDir
    Path folder;

    private Path home;
    private Path socket;
    private volatile ControlHandler handler = (method, params, progress, peer) -> Map.of("method", method);
    private final List<ControlServer> servers = new ArrayList<>();

    @BeforeEach
    void chooseSocket() {
        home = folder.resolve("home");
        socket = home.resolve("ctl.sock");
    }

    @AfterEach
    void closeServers() {
        servers.forEach(ControlServer::close);
    }

    @Test
    void aCallIsAnsweredAndToldWhoAsks() throws Exception {
        var asked = new AtomicReference<Peer>();
        handler = (method, params, progress, peer) -> {
            asked.set(peer);
            return params;
        };
        start(SETTINGS);
        try (var client = new SocketClient(socket)) {
            client.send(new Message.Request(1L, Methods.STATUS, Map.of("text", "ü")));
            assertEquals(new Message.Result(1L, Map.of("text", "ü")), client.receive());
        }
        assertEquals(new Peer(PeerCredentials.ownUser(), ProcessHandle.current().pid()), asked.get());
    }

    @Test
    void aHomeWhoseNameIsNotAsciiHasItsSocketWhereClientsLook() throws Exception {
        socket = home.resolve("zu Hause bei Łukasz/ctl.sock");
        start(SETTINGS);
        try (var client = new SocketClient(socket)) {
            client.send(new Message.Request(1L, Methods.PS, Map.of()));
            assertEquals(new Message.Result(1L, Map.of("method", Methods.PS)), client.receive());
        }
        assertThrows(ProblemException.class, () -> start(SETTINGS), "the one that serves was not seen");
    }

    @Test
    void progressComesBeforeTheAnswer() throws Exception {
        handler = (method, params, progress, peer) -> {
            progress.report(Methods.LOAD_PROGRESS, Map.of("fraction", 0.5));
            return Map.of("done", true);
        };
        start(SETTINGS);
        try (var client = new SocketClient(socket)) {
            client.send(new Message.Request("a", Methods.LOAD, Map.of("model", "m")));
            assertEquals(new Message.Notification(Methods.LOAD_PROGRESS, Map.of("fraction", 0.5)), client.receive());
            assertEquals(new Message.Result("a", Map.of("done", true)), client.receive());
        }
    }

    @Test
    void aProblemIsAnsweredWithItsCodeAndABugWithoutItsInsides() throws Exception {
        handler = (method, params, progress, peer) -> {
            if (method.equals(Methods.UNLOAD)) {
                throw Problem.of(Problem.Kind.NOT_FOUND, "no such model", "m").asException();
            }
            throw new IllegalStateException("secret");
        };
        start(SETTINGS);
        try (var client = new SocketClient(socket)) {
            client.send(new Message.Request(1L, Methods.UNLOAD, Map.of()));
            assertEquals(
                    new Message.Failure(
                            1L,
                            ErrorCode.NOT_FOUND.code(),
                            "no such model",
                            Map.of("kind", "not_found", "subject", "m")),
                    client.receive());
            client.send(new Message.Request(2L, Methods.STATUS, Map.of()));
            var failure = assertInstanceOf(Message.Failure.class, client.receive());
            assertEquals(ErrorCode.INTERNAL.code(), failure.code());
            assertFalse(failure.message().contains("secret"), failure.message());
        }
    }

    @Test
    void garbageIsAnsweredAndTheConnectionGoesOn() throws Exception {
        start(SETTINGS);
        try (var client = new SocketClient(socket)) {
            client.write("GET / HTTP/1.1\n");
            assertEquals(ErrorCode.PARSE.code(), failure(client).code());
            client.write("{\"jsonrpc\":\"2.0\",\"id\":5}\n");
            assertEquals(ErrorCode.INVALID_REQUEST.code(), failure(client).code());
            client.send(new Message.Request(6L, "statsu", Map.of()));
            var unknown = failure(client);
            assertEquals(ErrorCode.METHOD_NOT_FOUND.code(), unknown.code());
            assertTrue(unknown.message().contains("did you mean \"status\"?"), unknown.message());
            client.send(new Message.Request(7L, Methods.STATUS, Map.of()));
            assertInstanceOf(Message.Result.class, client.receive());
        }
    }

    @Test
    void aLineOfTwoMebibytesIsRefusedAndOthersAreServed() throws Exception {
        start(SETTINGS);
        try (var client = new SocketClient(socket);
                var other = new SocketClient(socket)) {
            // The server closes while this is being written, so that the writer may see a broken pipe.
            Thread.ofVirtual().start(() -> {
                try {
                    client.write("x".repeat(2 << 20) + "\n");
                } catch (IOException e) {
                    assertFalse(String.valueOf(e.getMessage()).isEmpty());
                }
            });
            assertEquals(ErrorCode.TOO_LARGE.code(), failure(client).code());
            other.send(new Message.Request(1L, Methods.STATUS, Map.of()));
            assertInstanceOf(Message.Result.class, other.receive());
        }
    }

    @Test
    void aHalfClosedConnectionStillGetsItsAnswer() throws Exception {
        start(SETTINGS);
        try (var client = new SocketClient(socket)) {
            client.send(new Message.Request(1L, Methods.PS, Map.of()));
            client.shutdownOutput();
            assertEquals(new Message.Result(1L, Map.of("method", "ps")), client.receive());
            assertTrue(client.isAtEnd());
        }
    }

    @Test
    void aCallGoesOnWhenItsCallerLeaves() throws Exception {
        var left = new CountDownLatch(1);
        var entered = new CountDownLatch(1);
        var finished = new CountDownLatch(1);
        handler = (method, params, progress, peer) -> {
            entered.countDown();
            left.await();
            for (int i = 0; i < 1000; i++) {
                progress.report(Methods.LOAD_PROGRESS, Map.of("fraction", 0.1));
            }
            finished.countDown();
            return Map.of();
        };
        start(SETTINGS);
        try (var client = new SocketClient(socket)) {
            client.send(new Message.Request(1L, Methods.LOAD, Map.of()));
            entered.await();
        }
        left.countDown();
        finished.await();
    }

    @Test
    void callsOfSeveralConnectionsRunAtOnce() throws Exception {
        int clients = SETTINGS.maxConnections();
        var barrier = new CyclicBarrier(clients);
        handler = (method, params, progress, peer) -> {
            try {
                barrier.await();
            } catch (java.util.concurrent.BrokenBarrierException e) {
                throw new IllegalStateException(e);
            }
            return params;
        };
        start(SETTINGS);
        var answers = new LinkedBlockingQueue<Message>();
        for (long i = 0; i < clients; i++) {
            long id = i;
            Thread.ofPlatform().daemon().start(() -> {
                try (var client = new SocketClient(socket)) {
                    client.send(new Message.Request(id, Methods.STATUS, Map.of("n", id)));
                    answers.add(client.receive());
                } catch (Exception e) {
                    answers.add(new Message.Failure(id, 0, e.toString(), Map.of()));
                }
            });
        }
        for (int i = 0; i < clients; i++) {
            var result = assertInstanceOf(Message.Result.class, answers.take());
            assertEquals(Map.of("n", result.id()), result.result());
        }
    }

    @Test
    void connectionsBeyondTheBoundAreToldSo() throws Exception {
        start(new ControlSettings(1, Duration.ofSeconds(20)));
        try (var first = new SocketClient(socket)) {
            first.send(new Message.Request(1L, Methods.STATUS, Map.of()));
            first.receive();
            try (var second = new SocketClient(socket)) {
                var refused = failure(second);
                assertEquals(ErrorCode.BUSY.code(), refused.code());
                assertTrue(refused.message().contains("control.max-connections"), refused.message());
            }
        }
    }

    @Test
    void aMessageThatDoesNotGoOnEndsItsConnection() throws Exception {
        start(new ControlSettings(8, Duration.ofMillis(100)));
        try (var client = new SocketClient(socket)) {
            client.write("{\"jsonrpc\"");
            assertTrue(client.isAtEnd());
        }
    }

    @Test
    void anotherUserIsRefused() throws Exception {
        long stranger = PeerCredentials.ownUser() + 1;
        servers.add(ControlServer.start(socket, SETTINGS, handler, descriptor -> new Peer(stranger, 7)));
        try (var client = new SocketClient(socket)) {
            assertTrue(failure(client).message().contains("User " + stranger + " may not steer"));
            assertTrue(client.isAtEnd());
        }
    }

    @Test
    void aPeerThatCannotBeReadIsRefused() throws Exception {
        servers.add(ControlServer.start(socket, SETTINGS, handler, descriptor -> {
            throw new IOException("unreadable");
        }));
        try (var client = new SocketClient(socket)) {
            assertTrue(client.isAtEnd());
        }
    }

    @Test
    void folderAndSocketAreClosedToOthers() throws Exception {
        start(SETTINGS);
        assertEquals("rwx------", mode(home));
        assertEquals("rw-------", mode(socket));
    }

    @Test
    void closingRemovesTheSocketAndEndsConnectionsAndCalls() throws Exception {
        var entered = new CountDownLatch(1);
        handler = (method, params, progress, peer) -> {
            entered.countDown();
            new CountDownLatch(1).await();
            return Map.of();
        };
        var server = start(SETTINGS);
        try (var idle = new SocketClient(socket);
                var busy = new SocketClient(socket)) {
            busy.send(new Message.Request(1L, Methods.LOAD, Map.of()));
            entered.await();
            server.close();
            assertEquals(ErrorCode.UNAVAILABLE.code(), failure(busy).code());
            assertTrue(idle.isAtEnd());
        }
        assertFalse(Files.exists(socket));
        start(SETTINGS);
    }

    @Test
    void aStaleSocketIsReplaced() throws Exception {
        Files.createDirectories(home);
        SocketClient.leaveStale(socket);
        assertTrue(Files.exists(socket));
        start(SETTINGS);
        try (var client = new SocketClient(socket)) {
            client.send(new Message.Request(1L, Methods.STATUS, Map.of()));
            assertInstanceOf(Message.Result.class, client.receive());
        }
    }

    @Test
    void aSecondDaemonIsToldWhoIsThere() throws Exception {
        start(SETTINGS);
        var problem = refusedStart();
        assertEquals(Problem.Kind.CONFLICT, problem.kind());
        assertTrue(
                problem.message().contains("process " + ProcessHandle.current().pid()), problem.message());
        assertTrue(problem.message().contains(socket.toString()), problem.message());
        try (var client = new SocketClient(socket)) {
            client.send(new Message.Request(1L, Methods.STATUS, Map.of()));
            assertInstanceOf(Message.Result.class, client.receive());
        }
    }

    @Test
    void aFileThatIsNoSocketIsLeftAlone() throws Exception {
        Files.createDirectories(home);
        Files.writeString(socket, "mine");
        assertEquals(Problem.Kind.CONFLICT, refusedStart().kind());
        assertEquals("mine", Files.readString(socket));
    }

    @Test
    void aFolderThatCannotBeMadeIsAClearProblem() throws Exception {
        Files.writeString(home, "a file");
        var problem = refusedStart();
        assertEquals(Problem.Kind.UNAVAILABLE, problem.kind());
        assertTrue(problem.message().contains("VLLMD_HOME"), problem.message());
    }

    @Test
    void noLineOfNoiseDoesHarm() throws Exception {
        start(SETTINGS);
        var random = new Random(42);
        byte[] sound = MessageCodec.encode(new Message.Request(1L, Methods.STATUS, Map.of("a", List.of(1L, 2L))));
        try (var client = new SocketClient(socket)) {
            for (long i = 0; i < 500; i++) {
                byte[] line = sound.clone();
                for (int n = random.nextInt(6); n > 0; n--) {
                    line[random.nextInt(line.length - 1)] = (byte) (11 + random.nextInt(240));
                }
                client.write(line);
                client.send(new Message.Request("after " + i, Methods.STATUS, Map.of()));
                Message message = client.receive();
                while (!(message instanceof Message.Result result && result.id().equals("after " + i))) {
                    message = client.receive();
                }
            }
        }
    }

    private ControlServer start(ControlSettings settings) {
        var server = ControlServer.start(
                socket, settings, (m, params, progress, peer) -> handler.handle(m, params, progress, peer));
        servers.add(server);
        return server;
    }

    private Problem refusedStart() {
        return assertThrows(ProblemException.class, () -> ControlServer.start(socket, SETTINGS, handler))
                .problem();
    }

    private static Message.Failure failure(SocketClient client) throws Exception {
        return assertInstanceOf(Message.Failure.class, client.receive());
    }

    private static String mode(Path path) throws IOException {
        return PosixFilePermissions.toString(Files.getPosixFilePermissions(path));
    }
}
