package io.vllmd.ctl;

import static java.nio.charset.StandardCharsets.UTF_8;

import java.io.BufferedInputStream;
import java.io.IOException;
import java.io.InputStream;
import java.io.OutputStream;
import java.net.InetAddress;
import java.net.ServerSocket;
import java.net.Socket;
import java.util.Locale;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/** A server that answers chat completions as a test lays out, one request a connection. */
final class StandInServer implements AutoCloseable {
    /** What a test does with a request. */
    interface Script {
        void answer(Asked asked, Reply reply) throws IOException;
    }

    /** A request for an answer; {@code number} counts them from 0. */
    record Asked(int number, String body) {
        private static final Pattern TOKENS = Pattern.compile("\"max_tokens\":(\\d+)");
        private static final Pattern CONTENT = Pattern.compile("\"content\":\"([^\"]*)\"");

        int maxTokens() {
            Matcher tokens = TOKENS.matcher(body);
            return tokens.find() ? Integer.parseInt(tokens.group(1)) : 0;
        }

        /** The first message's text. */
        String prompt() {
            Matcher content = CONTENT.matcher(body);
            return content.find() ? content.group(1) : "";
        }

        int promptTokens() {
            return prompt().split(" ").length + 7;
        }
    }

    private final ServerSocket socket = new ServerSocket(0, 50, InetAddress.getLoopbackAddress());
    private final Script script;
    private final Thread acceptor;
    private final AtomicInteger asked = new AtomicInteger();

    StandInServer(Script script) throws IOException {
        this.script = script;
        acceptor = Thread.ofVirtual().start(this::accept);
    }

    /** Answers as asked: so many tokens, a word each. */
    static void wellBehaved(Asked asked, Reply reply) throws IOException {
        reply.begin();
        for (int i = 0; i < asked.maxTokens(); i++) {
            reply.text(" word" + i);
        }
        reply.end(asked.promptTokens(), asked.maxTokens(), 3);
    }

    String url() {
        return "http://127.0.0.1:" + socket.getLocalPort();
    }

    int asked() {
        return asked.get();
    }

    private void accept() {
        while (!socket.isClosed()) {
            try {
                Socket client = socket.accept();
                Thread.ofVirtual().start(() -> serve(client));
            } catch (IOException e) {
                return;
            }
        }
    }

    private void serve(Socket client) {
        try (client) {
            InputStream in = new BufferedInputStream(client.getInputStream());
            String first = line(in);
            int length = 0;
            for (String line = line(in); !line.isEmpty(); line = line(in)) {
                String lower = line.toLowerCase(Locale.ROOT);
                if (lower.startsWith("content-length:")) {
                    length = Integer.parseInt(lower.substring(15).strip());
                }
            }
            String body = new String(in.readNBytes(length), UTF_8);
            var reply = new Reply(client.getOutputStream());
            if (first.startsWith("GET /v1/models ")) {
                reply.whole(200, "{\"data\":[{\"id\":\"stand-in\"}]}");
            } else {
                script.answer(new Asked(asked.getAndIncrement(), body), reply);
            }
        } catch (IOException e) {
            // The client went away, which is its right.
            return;
        }
    }

    private static String line(InputStream in) throws IOException {
        var line = new StringBuilder();
        for (int c = in.read(); c >= 0 && c != '\n'; c = in.read()) {
            if (c != '\r') {
                line.append((char) c);
            }
        }
        return line.toString();
    }

    @Override
    public void close() throws IOException {
        socket.close();
        try {
            acceptor.join();
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
        }
    }

    /** The way back to the client. */
    static final class Reply {
        private final OutputStream out;

        Reply(OutputStream out) {
            this.out = out;
        }

        void whole(int status, String body) throws IOException {
            write("HTTP/1.1 " + status + " x\r\nContent-Length: " + body.length() + "\r\n\r\n" + body);
        }

        void begin() throws IOException {
            write("HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nTransfer-Encoding: chunked\r\n\r\n");
            event("{\"choices\":[{\"delta\":{\"role\":\"assistant\",\"content\":\"\"},\"finish_reason\":null}]}");
        }

        void text(String text) throws IOException {
            event("{\"choices\":[{\"delta\":{\"content\":\"" + text + "\"},\"finish_reason\":null}]}");
        }

        void event(String data) throws IOException {
            String event = "data: " + data + "\n\n";
            write(Integer.toHexString(event.length()) + "\r\n" + event + "\r\n");
        }

        void end(int promptTokens, int tokens, int cached) throws IOException {
            event("{\"choices\":[{\"delta\":{},\"finish_reason\":\"length\"}]}");
            event("{\"choices\":[],\"usage\":{\"prompt_tokens\":%d,\"completion_tokens\":%d,"
                            .formatted(promptTokens, tokens)
                    + "\"prompt_tokens_details\":{\"cached_tokens\":" + cached + "}}}");
            event("[DONE]");
            write("0\r\n\r\n");
        }

        private void write(String text) throws IOException {
            out.write(text.getBytes(UTF_8));
            out.flush();
        }
    }
}
