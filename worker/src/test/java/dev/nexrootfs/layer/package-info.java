@NullMarked
package dev.nexrootfs.layer;

import org.jspecify.annotations.NullMarked;
