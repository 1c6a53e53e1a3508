package io.vllmd.ctl.bench;

import java.util.LinkedHashMap;
import java.util.Map;

/** One message of a conversation. */
record Message(String role, String content) {
    static Message user(String content) {
        return new Message("user", content);
    }

    Map<String, Object> tree() {
        var tree = new LinkedHashMap<String, Object>();
        tree.put("role", role);
        tree.put("content", content);
        return tree;
    }
}
