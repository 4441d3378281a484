/** Targets of {@code make fuzz}: what comes from outside, read by what reads it first. */
@NullMarked
package dev.nexrootfs.fuzz;

import org.jspecify.annotations.NullMarked;
