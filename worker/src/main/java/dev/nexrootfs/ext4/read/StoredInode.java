package dev.nexrootfs.ext4.read;

import java.nio.ByteBuffer;
import java.time.Instant;

/** {@code struct ext4_inode} as it stands in an image, with its number (inodes.rst). */
public final class StoredInode {
  static final int ROOT_INO = 2;
  static final int RESIZE_INO = 7;

  static final int INDEX_FL = 0x1000;
  static final int HUGE_FILE_FL = 0x40000;
  static final int EXTENTS_FL = 0x80000;
  static final int EA_INODE_FL = 0x200000;
  static final int INLINE_DATA_FL = 0x10000000;
  static final int ENCRYPT_FL = 0x800;
  static final int COMPR_FL = 0x4;

  private static final int TYPE_MASK = 0xF000;
  private static final int GOOD_OLD_BYTES = 128;

  private final long ino;
  private final Fields f;
  private final int bytes;
  private final boolean hasLargeDirectories;

  /** What an inode is, by the type bits of {@code i_mode}. */
  public enum Type {
    /** Named pipe. */
    FIFO(0x1000, 5, 'p'),
    /** Character device. */
    CHARACTER_DEVICE(0x2000, 3, 'c'),
    /** Directory. */
    DIRECTORY(0x4000, 2, 'd'),
    /** Block device. */
    BLOCK_DEVICE(0x6000, 4, 'b'),
    /** Regular file. */
    REGULAR(0x8000, 1, '-'),
    /** Symbolic link. */
    SYMBOLIC_LINK(0xA000, 7, 'l'),
    /** Socket. */
    SOCKET(0xC000, 6, 's');

    private final int bits;
    private final int fileType;
    private final char letter;

    Type(int bits, int fileType, char letter) {
      this.bits = bits;
      this.fileType = fileType;
      this.letter = letter;
    }

    /** {@code file_type} of a directory entry. */
    int fileType() {
      return fileType;
    }

    /** The type whose {@code file_type} is {@code value}. */
    static Type ofFileType(int value) {
      for (Type type : values()) {
        if (type.fileType == value) {
          return type;
        }
      }
      throw new IllegalArgumentException("file_type " + value + " is none");
    }

    /** The first letter of {@code ls -l}. */
    public char letter() {
      return letter;
    }
  }

  private StoredInode(long ino, Fields fields, int bytes, boolean hasLargeDirectories) {
    this.ino = ino;
    this.f = fields;
    this.bytes = bytes;
    this.hasLargeDirectories = hasLargeDirectories;
  }

  /** Inode {@code ino} in the next {@code size} bytes of {@code bytes}. */
  static StoredInode decode(ByteBuffer bytes, int size, long ino, boolean hasLargeDirectories) {
    byte[] copy = new byte[size];
    bytes.get(copy);
    return new StoredInode(ino, new Fields(copy), size, hasLargeDirectories);
  }

  /** The number. */
  public long ino() {
    return ino;
  }

  /** How messages name it. */
  String where() {
    return "inode " + ino;
  }

  byte[] bytes() {
    return f.bytes();
  }

  Fields fields() {
    return f;
  }

  /** Type and permission bits. */
  public int mode() {
    return f.u16(0x00); //                    i_mode
  }

  /**
   * What the inode is.
   *
   * @throws UnreadableImageException where the bits mean no type
   */
  public Type type() throws UnreadableImageException {
    for (Type type : Type.values()) {
      if ((mode() & TYPE_MASK) == type.bits) {
        return type;
      }
    }
    throw new UnreadableImageException(
        where(), "i_mode", String.format("0%06o", mode()), "the bits of a type");
  }

  boolean is(Type type) {
    return (mode() & TYPE_MASK) == type.bits;
  }

  /** Owner. */
  public long uid() {
    return f.split32(0x02, 0x78) & 0xFFFF_FFFFL; // i_uid, l_i_uid_high
  }

  /** Group. */
  public long gid() {
    return f.split32(0x18, 0x7A) & 0xFFFF_FFFFL; // i_gid, l_i_gid_high
  }

  /** Bytes. The high half counts for regular files, and for directories with large_dir. */
  public long size() {
    return hasLargeDirectories || is(Type.REGULAR)
        ? f.split64(0x04, 0x6C) //            i_size_lo, i_size_high
        : f.u32(0x04);
  }

  /** How many names it has; 1 of a directory may mean more than 65,000. */
  public int links() {
    return f.u16(0x1A); //                    i_links_count
  }

  long deletionTime() {
    return f.u32(0x14); //                    i_dtime
  }

  /** {@code i_blocks} as it stands: units of 512 bytes, or blocks with {@link #HUGE_FILE_FL}. */
  long blocks() {
    return f.split48(0x1C, 0x74); //          i_blocks_lo, l_i_blocks_high
  }

  int flags() {
    return f.bits32(0x20); //                 i_flags
  }

  boolean has(int flag) {
    return (flags() & flag) != 0;
  }

  byte[] iBlock() {
    return f.slice(0x28, 60); //              i_block
  }

  int generation() {
    return f.bits32(0x64); //                 i_generation
  }

  long fileAcl() {
    return f.split48(0x68, 0x76); //          i_file_acl_lo, l_i_file_acl_high
  }

  int extraIsize() {
    return bytes > GOOD_OLD_BYTES ? f.u16(0x80) : 0; // i_extra_isize
  }

  /** Whether {@code i_extra_isize} is one that the fields after it can be read by. */
  boolean hasSaneExtraIsize() {
    int extra = extraIsize();
    return extra % 4 == 0 && extra <= bytes - Math.min(bytes, GOOD_OLD_BYTES);
  }

  int checksumLow() {
    return f.u16(0x7C); //                    l_i_checksum_lo
  }

  /** Whether the inode has a field that ends {@code end} bytes after its start. */
  boolean reaches(int end) {
    return hasSaneExtraIsize() && GOOD_OLD_BYTES + extraIsize() >= end;
  }

  int checksumHigh() {
    return f.u16(0x82); //                    i_checksum_hi
  }

  /** Where attributes in the inode may start. */
  int xattrOffset() {
    return GOOD_OLD_BYTES + extraIsize();
  }

  /**
   * Last change of content.
   *
   * @throws UnreadableImageException for more than a second of nanoseconds
   */
  public Instant mtime() throws UnreadableImageException {
    return time("i_mtime", 0x10, 0x88);
  }

  /** Throws for a time that is none. */
  void checkTimes() throws UnreadableImageException {
    time("i_atime", 0x08, 0x8C);
    time("i_ctime", 0x0C, 0x84);
    time("i_mtime", 0x10, 0x88);
    if (reaches(0x98)) {
      time("i_crtime", 0x90, 0x94);
    }
  }

  /** The low half is signed; the high half continues it by two bits and holds nanoseconds. */
  private Instant time(String field, int low, int extraOffset) throws UnreadableImageException {
    if (!reaches(extraOffset + 4)) {
      return Instant.ofEpochSecond(f.bits32(low));
    }
    int extra = f.bits32(extraOffset);
    int nanos = extra >>> 2;
    if (nanos > 999_999_999) {
      throw new UnreadableImageException(
          where(), field + "_extra: nanoseconds", nanos, "at most 999999999");
    }
    return Instant.ofEpochSecond(f.bits32(low) + ((extra & 3L) << 32), nanos);
  }

  /** The driver's number of a device: the old form in {@code i_block[0]}, else the new form. */
  public int major() {
    int old = f.bits32(0x28); //              i_block[0]
    return old != 0 ? old >>> 8 & 0xFF : f.bits32(0x2C) >>> 8 & 0xFFF; // i_block[1]
  }

  /** The device's number. */
  public int minor() {
    int old = f.bits32(0x28); //              i_block[0]
    int fresh = f.bits32(0x2C); //            i_block[1]
    return old != 0 ? old & 0xFF : (fresh & 0xFF) | (fresh >>> 12 & 0xF_FF00);
  }
}
