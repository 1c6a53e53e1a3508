/** The assembled daemon and vllmctl, driven as the processes that users run, with the real model. */
@NullMarked
package io.vllmd.scenario;

import org.jspecify.annotations.NullMarked;
