package io.vllmd.runtime;

import java.util.List;

/** Finds the model that a client names. */
public interface Models {

    /**
     * The loaded model of this name: its id, an alias, or "default"; strict mode takes byte-equal ids only.
     *
     * @throws io.vllmd.config.ProblemException NOT_FOUND with the list of what is served, UNAVAILABLE for
     *     "default" where there is none, naming {@code vllmctl load}
     */
    ServedModel find(String name);

    /** All loaded models, the default first. */
    List<ServedModel> all();
}
