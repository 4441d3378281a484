@NullMarked
package dev.nexrootfs.build;

import org.jspecify.annotations.NullMarked;
