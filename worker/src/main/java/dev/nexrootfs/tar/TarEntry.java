package dev.nexrootfs.tar;

import dev.nexrootfs.tree.Name;
import java.time.Instant;
import java.util.Map;

/**
 * One entry of an archive, with every extension header applied.
 *
 * @param name the path as it stands, bytes
 * @param type what the entry is
 * @param permissions the low 12 bits of the mode
 * @param uid owner, not checked
 * @param gid group, not checked
 * @param mtime last change, to the nanosecond
 * @param offset where the content starts in the archive, bytes
 * @param size bytes of content; 0 for all but regular files
 * @param linkName the target of a link, bytes
 * @param major of a device
 * @param minor of a device
 * @param xattrs extended attributes by full name
 */
public record TarEntry(
    byte[] name,
    Type type,
    int permissions,
    long uid,
    long gid,
    Instant mtime,
    long offset,
    long size,
    byte[] linkName,
    long major,
    long minor,
    Map<String, byte[]> xattrs) {
  /** What an entry is. */
  public enum Type {
    /** Regular file. */
    REGULAR,
    /** A further name of an earlier entry. */
    HARD_LINK,
    /** Symbolic link. */
    SYMBOLIC_LINK,
    /** Character device. */
    CHARACTER_DEVICE,
    /** Block device. */
    BLOCK_DEVICE,
    /** Directory. */
    DIRECTORY,
    /** Named pipe. */
    FIFO
  }

  /** The name for a person. */
  public String displayName() {
    return Name.text(name);
  }
}
