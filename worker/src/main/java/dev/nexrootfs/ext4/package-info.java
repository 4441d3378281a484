/**
 * From a {@link dev.nexrootfs.tree.FileTree} to an ext4 image: {@link
 * dev.nexrootfs.ext4.LayoutPlanner} decides everything, {@link dev.nexrootfs.ext4.Ext4Layout} is
 * the decision, {@link dev.nexrootfs.ext4.Ext4Image} is the image as a function of it.
 *
 * <p>The order of blocks, with 4096 bytes a block:
 *
 * <pre>
 *   block 0          superblock, at byte 1024
 *   1 ..             group descriptors
 *   ..               flex group 0: block bitmaps, inode bitmaps, inode tables of its 1 to 16 groups
 *   ..               lost+found, journal
 *   ..               per node in the order of its sequence: directory blocks | target | data, then extent blocks
 *   group 16, 32 ..  flex group 1, 2 ..: bitmaps and tables, before which and after which content goes on
 *   group 1, 3^n ..  backups of superblock and descriptors at the group's start
 * </pre>
 */
@NullMarked
package dev.nexrootfs.ext4;

import org.jspecify.annotations.NullMarked;
