/** The command line: {@code nex-rootfs worker, build, request, setup}. */
@NullMarked
package dev.nexrootfs.cli;

import org.jspecify.annotations.NullMarked;
