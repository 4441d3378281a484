/**
 * Reading tar archives: where each entry's bytes are, never the bytes themselves. For layers, and
 * for archives of images.
 */
@NullMarked
package dev.nexrootfs.tar;

import org.jspecify.annotations.NullMarked;
