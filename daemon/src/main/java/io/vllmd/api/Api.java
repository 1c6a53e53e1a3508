package io.vllmd.api;

import java.util.List;

/** A wire format: what it answers, and how it tells failures. */
public interface Api {

    List<Route> routes();

    ErrorShape errors();
}
