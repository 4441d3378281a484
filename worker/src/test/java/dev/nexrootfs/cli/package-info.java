@NullMarked
package dev.nexrootfs.cli;

import org.jspecify.annotations.NullMarked;
