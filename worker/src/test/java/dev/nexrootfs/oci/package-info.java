@NullMarked
package dev.nexrootfs.oci;

import org.jspecify.annotations.NullMarked;
