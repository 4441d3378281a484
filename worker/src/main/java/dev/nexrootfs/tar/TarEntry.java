package dev.nexrootfs.tar;

import dev.nexrootfs.tree.Name;
import dev.nexrootfs.tree.TreePath;
import java.time.Instant;
import java.util.Arrays;
import java.util.Map;
import java.util.Optional;

/**
 * One entry of an archive, with every extension header applied.
 *
 * @param name the path as it stands, bytes
 * @param type what the entry is
 * @param permissions the low 12 bits of the mode
 * @param uid owner, not checked
 * @param gid group, not checked
 * @param mtime last change, to the nanosecond
 * @param offset where the content, or the data of a sparse file, starts in the archive, bytes
 * @param size bytes of content, holes among them; 0 for all but regular files
 * @param segments where the data of a sparse file is; empty for content without holes
 * @param linkName the target of a link, bytes
 * @param major of a device
 * @param minor of a device
 * @param xattrs extended attributes by full name; none of a hard link, which has its target's
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
    Optional<DataSegments> segments,
    byte[] linkName,
    long major,
    long minor,
    Map<String, byte[]> xattrs) {
  private static final int MAX_DISPLAYED = 255;

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

  /** The name for a person, cut where no path is as long. */
  public String displayName() {
    return displayed(name);
  }

  /** The target of a link for a person, cut where no path is as long. */
  public String displayLinkName() {
    return displayed(linkName);
  }

  static String displayed(byte[] path) {
    boolean isLong = path.length > TreePath.MAX_BYTES;
    return isLong
        ? Name.text(Arrays.copyOf(path, MAX_DISPLAYED)) + "… of " + path.length + " bytes"
        : Name.text(path);
  }
}
