@NullMarked
package dev.nexrootfs.sandbox;

import org.jspecify.annotations.NullMarked;
