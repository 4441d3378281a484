/**
 * The structures of ext4 as they lie on disk: one record for each kernel struct, with its offsets
 * and the kernel's field names, and the checksums that go into them. Names, offsets and rules are
 * those of the kernel's Documentation/filesystems/ext4. Nothing here decides anything: that is the
 * planner's work.
 */
@NullMarked
package dev.nexrootfs.ext4.ondisk;

import org.jspecify.annotations.NullMarked;
