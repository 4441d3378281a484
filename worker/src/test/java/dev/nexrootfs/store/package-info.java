@NullMarked
package dev.nexrootfs.store;

import org.jspecify.annotations.NullMarked;
