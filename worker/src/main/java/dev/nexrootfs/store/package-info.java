/**
 * Objects in JetStream: a writer that keeps a window of chunks in flight, and verified reading. The
 * format is ADR-20's, so every NATS client reads what is written here.
 */
@NullMarked
package dev.nexrootfs.store;

import org.jspecify.annotations.NullMarked;
