package io.vllmd.http;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertInstanceOf;

import io.vllmd.api.Api;
import io.vllmd.api.ErrorShape;
import io.vllmd.api.Route;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.Test;

class RouterTest {
    private static final ErrorShape ERRORS = (status, problem) -> new byte[0];

    private final Router router = new Router(List.of(api(
            new Route("GET", "/", (exchange, parameters) -> {}),
            new Route("GET", "/v1/models", (exchange, parameters) -> {}),
            new Route("GET", "/v1/models/{id...}", (exchange, parameters) -> {}),
            new Route("DELETE", "/v1/responses/{id}", (exchange, parameters) -> {}))));

    private static Api api(Route... routes) {
        return new Api() {
            @Override
            public List<Route> routes() {
                return List.of(routes);
            }

            @Override
            public ErrorShape errors() {
                return ERRORS;
            }
        };
    }

    private Map<String, String> parameters(String method, String path) {
        return assertInstanceOf(Router.Found.class, router.find(method, path), path)
                .parameters();
    }

    @Test
    void slashesTooManyAndADoubledVersionMeanTheSame() {
        for (String path : List.of("/v1/models", "/v1/models/", "//v1//models", "/v1/v1/models")) {
            assertEquals(Map.of(), parameters("GET", path));
        }
        assertEquals(Map.of(), parameters("HEAD", "/"));
    }

    @Test
    void theRestOfAPathKeepsItsSlashesAndIsDecoded() {
        assertEquals(Map.of("id", "org/model"), parameters("GET", "/v1/models/org/model"));
        assertEquals(Map.of("id", "org/model"), parameters("GET", "/v1/models/org%2fmodel"));
        assertEquals(Map.of("id", "grüße 100%"), parameters("GET", "/v1/models/gr%C3%BC%C3%9Fe%20100%"));
        assertEquals(Map.of("id", "a%zz+b"), parameters("GET", "/v1/models/a%zz+b"));
    }

    @Test
    void oneSegmentTakesOneSegment() {
        assertEquals(Map.of("id", "r1"), parameters("DELETE", "/v1/responses/r1"));
        assertInstanceOf(Router.Missing.class, router.find("DELETE", "/v1/responses/r1/more"));
        assertInstanceOf(Router.Missing.class, router.find("DELETE", "/v1/responses"));
    }

    @Test
    void aKnownPathTellsItsMethods() {
        var wrong = assertInstanceOf(Router.WrongMethod.class, router.find("POST", "/v1/models/a"));
        assertEquals("GET, HEAD, OPTIONS", wrong.allowed());
        assertInstanceOf(Router.Missing.class, router.find("GET", "/nothing"));
        assertInstanceOf(Router.Missing.class, router.find("OPTIONS", "*"));
    }
}
