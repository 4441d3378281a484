@NullMarked
package dev.nexrootfs.registry;

import org.jspecify.annotations.NullMarked;
