/**
 * The path from a request to an image: {@link dev.nexrootfs.build.RootfsBuild} is where to start
 * reading.
 */
@NullMarked
package dev.nexrootfs.build;

import org.jspecify.annotations.NullMarked;
