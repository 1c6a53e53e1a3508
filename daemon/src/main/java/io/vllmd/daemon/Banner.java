package io.vllmd.daemon;

import io.vllmd.config.Profile;
import io.vllmd.config.Version;
import io.vllmd.runtime.ModelRegistry;
import io.vllmd.runtime.ServedModel;
import java.net.Inet6Address;
import java.net.InetSocketAddress;
import java.util.List;

/** What the daemon tells whoever started it: where it listens, what it serves, one command to try. */
final class Banner {
    private Banner() {}

    static String url(InetSocketAddress address) {
        String host = address.getAddress().isAnyLocalAddress()
                ? "127.0.0.1"
                : address.getAddress().getHostAddress();
        return "http://" + (address.getAddress() instanceof Inet6Address ? "[" + host + "]" : host) + ":"
                + address.getPort();
    }

    static void listening(InetSocketAddress address) {
        System.out.println("vllmd " + Version.current() + " listens on " + url(address));
    }

    static void serving(InetSocketAddress address, ModelRegistry registry, Profile profile, List<String> failures) {
        StringBuilder text = new StringBuilder();
        String defaultId = registry.defaultModel().orElse("");
        for (ServedModel model : registry.all()) {
            text.append("  serves   %s%s, context of %,d tokens%n"
                    .formatted(model.id(), model.id().equals(defaultId) ? " (default)" : "", model.contextLength()));
        }
        for (String failure : failures) {
            text.append("  failed   ").append(failure).append('\n');
        }
        if (registry.all().isEmpty()) {
            text.append("  serves   no model; load one with: vllmctl load MODEL\n");
        }
        text.append("  profile  ").append(profile.name()).append('\n');
        for (Profile.NotInForce part : profile.notInForce()) {
            text.append("           not in force: %s (%s)%n".formatted(part.setting(), part.reason()));
        }
        text.append("""
                  try      curl %s/v1/chat/completions -H 'Content-Type: application/json' \\
                             -d '{"messages": [{"role": "user", "content": "What is the capital of France?"}]}'
                """.formatted(url(address)).indent(0));
        System.out.println(text);
    }
}
