/**
 * A Unix file tree in memory: metadata only, with content by reference. A hard link is a second
 * name of one node. Names are bytes, not text.
 */
@NullMarked
package dev.nexrootfs.tree;

import org.jspecify.annotations.NullMarked;
