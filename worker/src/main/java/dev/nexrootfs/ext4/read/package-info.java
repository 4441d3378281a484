/**
 * Reading and judging ext4 images, ours and those of others: {@link
 * dev.nexrootfs.ext4.read.Ext4Reader} finds and reads files, {@link
 * dev.nexrootfs.ext4.read.Ext4Verifier} checks everything. Decodes only, and shares no code with
 * the encoders, so that an error in those cannot hide here.
 *
 * <p>An image is taken for hostile: every number from it is checked before it is used, no structure
 * is walked twice, and memory follows the metadata that is there, never a count that is claimed.
 */
@NullMarked
package dev.nexrootfs.ext4.read;

import org.jspecify.annotations.NullMarked;
