/** Settings, profiles, file locations and the one problem type that every surface maps. */
@NullMarked
package io.vllmd.config;

import org.jspecify.annotations.NullMarked;
