/**
 * The nouns of the OCI image specification, and images in directories and archives of this machine.
 * Everything that is read is held against the digest and the size that were promised for it.
 */
@NullMarked
package dev.nexrootfs.oci;

import org.jspecify.annotations.NullMarked;
