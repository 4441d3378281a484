/** What {@code make bench} runs in a JVM of its own; deploy/bench/bench.sh prints what it finds. */
@NullMarked
package dev.nexrootfs.bench;

import org.jspecify.annotations.NullMarked;
