@NullMarked
package dev.nexrootfs.ext4;

import org.jspecify.annotations.NullMarked;
