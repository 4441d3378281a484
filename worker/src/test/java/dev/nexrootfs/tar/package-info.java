@NullMarked
package dev.nexrootfs.tar;

import org.jspecify.annotations.NullMarked;
