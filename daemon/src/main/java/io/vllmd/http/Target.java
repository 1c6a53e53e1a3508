package io.vllmd.http;

/**
 * What a request line asks for. Takes the origin form (/path?query) and the absolute form (http://host/path?query),
 * which proxies send.
 *
 * @param authority host and port of the absolute form, else ""
 * @param path still percent-encoded, "*" for the server as a whole
 * @param query without the question mark, or ""
 */
record Target(String authority, String path, String query) {

    static Target parse(String uri) {
        String rest = uri;
        String authority = "";
        int scheme = rest.indexOf("://");
        if (scheme > 0 && firstOf(rest, 0, '/', '?') == scheme + 1) {
            int start = scheme + 3;
            int end = firstOf(rest, start, '/', '?');
            authority = rest.substring(start, end);
            rest = rest.substring(end);
            if (!rest.startsWith("/")) {
                rest = "/" + rest;
            }
        }
        int question = rest.indexOf('?');
        return question < 0
                ? new Target(authority, rest, "")
                : new Target(authority, rest.substring(0, question), rest.substring(question + 1));
    }

    private static int firstOf(String text, int from, char a, char b) {
        for (int i = from; i < text.length(); i++) {
            if (text.charAt(i) == a || text.charAt(i) == b) {
                return i;
            }
        }
        return text.length();
    }
}
