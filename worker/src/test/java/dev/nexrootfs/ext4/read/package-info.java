@NullMarked
package dev.nexrootfs.ext4.read;

import org.jspecify.annotations.NullMarked;
