package io.vllmd.ctl;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.vllmd.config.Places;
import java.io.ByteArrayInputStream;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import javax.xml.parsers.DocumentBuilderFactory;
import org.junit.jupiter.api.Test;
import org.w3c.dom.Element;
import org.w3c.dom.Node;

class ServiceTemplateTest {
    private final Map<String, String> environment = new HashMap<>(Map.of(
            "HOME", "/Users/me & you", "PATH", "/opt/bin", "JAVA_HOME", "/jdk", "SECRET", "no", "VLLMD_HEAP", "1g"));

    @Test
    void theAgentHasEveryKeyWithItsValue() throws Exception {
        var expected = new LinkedHashMap<String, Object>();
        expected.put("Label", "io.vllmd.daemon");
        expected.put("ProgramArguments", List.of("/opt/vllmd <1>/bin/vllmd"));
        expected.put("WorkingDirectory", "/Users/me & you/Library/Application Support/vllmd");
        expected.put(
                "EnvironmentVariables",
                Map.of(
                        "HOME", "/Users/me & you",
                        "JAVA_HOME", "/jdk",
                        "PATH", "/usr/local/bin:/usr/bin:/bin:/usr/sbin:/sbin",
                        "VLLMD_HOME", "/Users/me & you/Library/Application Support/vllmd"));
        expected.put("RunAtLoad", true);
        expected.put("KeepAlive", Map.of("SuccessfulExit", false));
        expected.put("ThrottleInterval", 10);
        expected.put("ExitTimeOut", 40);
        expected.put("ProcessType", "Interactive");
        expected.put("SoftResourceLimits", Map.of("NumberOfFiles", 8192));
        expected.put("StandardOutPath", "/Users/me & you/Library/Application Support/vllmd/logs/service.out.log");
        expected.put("StandardErrorPath", "/Users/me & you/Library/Application Support/vllmd/logs/service.err.log");
        assertEquals(expected, plist(template("Mac OS X").agent()));
    }

    @Test
    void theDaemonIsTheAgentRunAsTheUser() throws Exception {
        var daemon = new LinkedHashMap<>(plist(template("Mac OS X").daemon("me")));
        assertEquals("me", daemon.remove("UserName"));
        assertEquals(plist(template("Mac OS X").agent()), daemon);
    }

    @Test
    void nothingIsLeftForAShellToExpand() {
        for (String text :
                List.of(template("Mac OS X").agent(), template("Mac OS X").daemon("me"))) {
            String values = text.replaceAll("<!--[^>]*-->", "");
            assertFalse(values.contains("~") || values.contains("$") || values.contains("@"), values);
        }
    }

    @Test
    void aValueThatWouldNeedAShellIsRefused() {
        environment.put("HF_HOME", "~/models");
        assertThrows(CommandFailure.class, () -> template("Linux").unit());
        environment.put("HF_HOME", "$HOME/models");
        assertThrows(CommandFailure.class, () -> template("Linux").unit());
    }

    @Test
    void theUnitQuotesAndRestarts() {
        environment.put("HF_HOME", "/a \"b\" 100%");
        var lines = template("Linux").unit().lines().toList();
        assertTrue(lines.contains("ExecStart=\"/opt/vllmd <1>/bin/vllmd\""), lines.toString());
        assertTrue(lines.contains("WorkingDirectory=/Users/me & you/.local/state/vllmd"), lines.toString());
        assertTrue(lines.contains("Environment=\"HF_HOME=/a \\\"b\\\" 100%%\""), lines.toString());
        assertTrue(lines.contains("Restart=on-failure"), lines.toString());
        assertTrue(lines.contains("WantedBy=default.target"), lines.toString());
    }

    private ServiceTemplate template(String os) {
        var terminal =
                new Terminal(environment, os, Path.of("/"), "/opt/vllmd <1>", System.out, System.err, false, false);
        return new ServiceTemplate(terminal, Places.of(environment, os));
    }

    static Map<String, Object> plist(String text) throws Exception {
        var factory = DocumentBuilderFactory.newInstance();
        // The DTD is Apple's and not needed to read a list of properties.
        factory.setFeature("http://apache.org/xml/features/nonvalidating/load-external-dtd", false);
        var root = factory.newDocumentBuilder()
                .parse(new ByteArrayInputStream(text.getBytes(StandardCharsets.UTF_8)))
                .getDocumentElement();
        assertEquals("plist", root.getTagName());
        assertEquals("1.0", root.getAttribute("version"));
        return dict(children(root).getFirst());
    }

    private static Map<String, Object> dict(Element dict) {
        assertEquals("dict", dict.getTagName());
        var map = new LinkedHashMap<String, Object>();
        var children = children(dict);
        for (int i = 0; i < children.size(); i += 2) {
            assertEquals("key", children.get(i).getTagName());
            var previous = map.put(children.get(i).getTextContent(), value(children.get(i + 1)));
            assertEquals(null, previous, "a key twice");
        }
        return map;
    }

    private static Object value(Element element) {
        return switch (element.getTagName()) {
            case "string" -> element.getTextContent();
            case "integer" -> Integer.parseInt(element.getTextContent());
            case "true" -> true;
            case "false" -> false;
            case "dict" -> dict(element);
            case "array" ->
                children(element).stream().map(ServiceTemplateTest::value).toList();
            default -> throw new AssertionError("no property list has <" + element.getTagName() + ">");
        };
    }

    private static List<Element> children(Element parent) {
        var elements = new ArrayList<Element>();
        for (Node node = parent.getFirstChild(); node != null; node = node.getNextSibling()) {
            if (node instanceof Element element) {
                elements.add(element);
            }
        }
        return elements;
    }
}
