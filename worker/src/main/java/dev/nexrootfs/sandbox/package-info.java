/**
 * Running a setup script over a tree, where it can do no harm: a tree goes in as a tar archive, the
 * script runs, a tar archive comes out, and what differs becomes one more layer.
 */
@NullMarked
package dev.nexrootfs.sandbox;

import org.jspecify.annotations.NullMarked;
