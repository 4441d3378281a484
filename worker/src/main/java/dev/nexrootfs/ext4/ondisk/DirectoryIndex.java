package dev.nexrootfs.ext4.ondisk;

import dev.nexrootfs.ext4.ondisk.DirectoryBlock.FileType;
import java.util.List;

/**
 * The blocks of an indexed directory that are no leaves: {@code struct dx_root} and {@code struct
 * dx_node}, dressed as directory blocks without names for readers that know no index
 * (directory.rst).
 */
public final class DirectoryIndex {
  /** Entries of the root. */
  public static final int ROOT_CAPACITY = 507;

  /** Entries of a node below the root. */
  public static final int NODE_CAPACITY = 510;

  /** Levels below the root at most, leaves counted; more would need the large_dir feature. */
  public static final int MAX_LEVELS = 2;

  private static final int ROOT_ENTRIES = 0x20;
  private static final int NODE_ENTRIES = 0x08;

  private DirectoryIndex() {}

  /**
   * {@code struct dx_entry}: where the names from a hash on are.
   *
   * @param hash the smallest hash, unsigned; odd where the block goes on with the hash below, of
   *     which the block before holds the first names; not stored of the first entry
   * @param block the leaf or node, counted in the directory
   */
  public record Entry(int hash, int block) {}

  /**
   * Encodes block 0.
   *
   * @param ino the directory
   * @param parentIno what ".." names
   * @param indirectLevels 0 where the children are leaves, 1 where they are nodes
   */
  public static byte[] root(
      long ino, long parentIno, int indirectLevels, List<Entry> children, Checksums checksums) {
    Struct block =
        Struct.littleEndian(Superblock.BLOCK_SIZE)
            .u32(0x00, ino) //                                 dot.inode
            .u16(0x04, 12) //                                  dot.rec_len
            .u8(0x06, 1) //                                    dot.name_len
            .u8(0x07, FileType.FT_DIR.value()) //              dot.file_type
            .u8(0x08, '.') //                                  dot_name
            .u32(0x0C, parentIno) //                           dotdot.inode
            .u16(0x10, Superblock.BLOCK_SIZE - 12) //          dotdot.rec_len
            .u8(0x12, 2) //                                    dotdot.name_len
            .u8(0x13, FileType.FT_DIR.value()) //              dotdot.file_type
            .u8(0x14, '.') //                                  dotdot_name
            .u8(0x15, '.')
            .u8(0x1C, DirectoryHash.HALF_MD4) //               dx_root_info.hash_version
            .u8(0x1D, 8) //                                    dx_root_info.info_length
            .u8(0x1E, indirectLevels); //                      dx_root_info.indirect_levels
    return entries(block, ROOT_ENTRIES, ROOT_CAPACITY, ino, children, checksums);
  }

  /** Encodes a node below the root. */
  public static byte[] node(long ino, List<Entry> children, Checksums checksums) {
    Struct block =
        Struct.littleEndian(Superblock.BLOCK_SIZE).u16(0x04, Superblock.BLOCK_SIZE); // fake.rec_len
    return entries(block, NODE_ENTRIES, NODE_CAPACITY, ino, children, checksums);
  }

  private static byte[] entries(
      Struct block, int at, int limit, long ino, List<Entry> children, Checksums checksums) {
    if (children.isEmpty() || children.size() > limit) {
      throw new IllegalArgumentException(children.size() + " entries in a node of " + limit);
    }
    block
        .u16(at, limit) //                                     dx_countlimit.limit
        .u16(at + 2, children.size()) //                       dx_countlimit.count
        .u32(at + 4, children.get(0).block());
    for (int i = 1; i < children.size(); i++) {
      block
          .bits32(at + 8 * i, children.get(i).hash()) //       dx_entry.hash
          .u32(at + 8 * i + 4, children.get(i).block()); //    dx_entry.block
    }
    int used = at + 8 * children.size();
    // The tail counts as 8 zero bytes: dt_reserved, and dt_checksum itself.
    int checksum = checksums.ofInode(ino, block.array(), used, 8);
    return block.bits32(at + 8 * limit + 4, checksum).array(); // dt_checksum
  }
}
