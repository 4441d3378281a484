/**
 * Layers: decoded once into a cache, their entries read in place, merged in memory into a tree
 * whose files are slices of the cached layers. Nothing is ever extracted.
 */
@NullMarked
package dev.nexrootfs.layer;

import org.jspecify.annotations.NullMarked;
