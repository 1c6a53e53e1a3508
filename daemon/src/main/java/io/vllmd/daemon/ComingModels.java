package io.vllmd.daemon;

import io.vllmd.runtime.ModelRegistry;
import io.vllmd.runtime.Models;
import io.vllmd.runtime.ServedModel;
import java.util.List;
import java.util.concurrent.CompletableFuture;

/** The models of a daemon whose port is open a moment before its registry is there: the first requests wait for it. */
record ComingModels(CompletableFuture<ModelRegistry> registry) implements Models {

    @Override
    public ServedModel find(String name) {
        return registry.join().find(name);
    }

    @Override
    public List<ServedModel> all() {
        return registry.join().all();
    }
}
