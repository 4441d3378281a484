package dev.nexrootfs.ext4.read;

import dev.nexrootfs.tree.Content;
import dev.nexrootfs.tree.FileTree;
import dev.nexrootfs.tree.Name;
import dev.nexrootfs.tree.TreePath;
import dev.nexrootfs.tree.Xattrs;
import java.io.IOException;
import java.util.List;
import java.util.Optional;
import java.util.SortedMap;
import java.util.TreeMap;

/**
 * An ext4 image opened for reading: ours, and what mke2fs makes without bigalloc, encryption,
 * casefold or an external journal. Checksums are not compared: that is {@link Ext4Verifier}'s work.
 *
 * <p>Whatever the image says, a call ends: in an answer or in an {@link UnreadableImageException}.
 */
public final class Ext4Reader {
  private final Volume volume;
  private final NodeReader nodes;

  private Ext4Reader(Volume volume) {
    this.volume = volume;
    this.nodes = new NodeReader(volume);
  }

  /**
   * Opens the file system in {@code source}.
   *
   * @throws UnreadableImageException where there is none, it is cut off, its geometry is none, or
   *     it has a feature that is not read; the message names the field
   */
  public static Ext4Reader open(ImageSource source) throws IOException {
    return new Ext4Reader(Volume.open(source));
  }

  /** Whether a mount would first replay the journal: what is read may be older than that. */
  public boolean needsRecovery() {
    return volume.superblock().hasIncompat(StoredSuperblock.INCOMPAT_RECOVER);
  }

  /** The superblock, as lines for a person. */
  public List<String> describe() throws IOException {
    return new SuperblockWords(volume).lines();
  }

  /** The superblock. */
  public StoredSuperblock superblock() {
    return volume.superblock();
  }

  /** The root directory. */
  public StoredInode root() throws IOException {
    StoredInode root = volume.inode(StoredInode.ROOT_INO, "superblock");
    if (!root.is(StoredInode.Type.DIRECTORY)) {
      throw new UnreadableImageException(
          root.where(), "i_mode of the root", String.format("0%o", root.mode()), "a directory");
    }
    return root;
  }

  /**
   * The inode at {@code path}, where each parent is resolved inside the image and the last name is
   * not followed; empty where there is none.
   */
  public Optional<StoredInode> find(TreePath path) throws IOException {
    root();
    return new PathLookup(volume, path).find();
  }

  /**
   * The entries of {@code directory} in the order of their bytes, without "." and "..".
   *
   * @param maxNames how many there may be
   */
  public SortedMap<Name, StoredInode> entries(StoredInode directory, long maxNames)
      throws IOException {
    SortedMap<Name, StoredInode> entries = new TreeMap<>();
    DirectoryBlocks.walk(
        volume,
        directory,
        (index, bytes) -> {
          String where = directory.where() + ": directory block " + index;
          for (DirectoryEntry entry : DirectoryEntry.decode(volume, bytes, where)) {
            if (index == 0 && (entry.isDot() || entry.isDotDot())) {
              continue;
            }
            entries.put(TreeReader.name(directory, entry), volume.inode(entry.ino(), where));
            if (entries.size() > maxNames) {
              throw new UnreadableImageException(
                  directory.where(), "has more entries than", maxNames, "");
            }
          }
        });
    return entries;
  }

  /** The content of a regular file. */
  public Content content(StoredInode file) throws IOException {
    if (!file.is(StoredInode.Type.REGULAR)) {
      throw new IllegalArgumentException(file.where() + " is no regular file");
    }
    return new StoredContent(volume, file);
  }

  /** The target of a symbolic link. */
  public byte[] target(StoredInode link) throws IOException {
    return nodes.target(link);
  }

  /** The extended attributes by full name; ACLs in the form that programs know. */
  public Xattrs xattrs(StoredInode inode) throws IOException {
    return nodes.xattrs(inode);
  }

  /** Is told what a tree cannot hold. */
  @FunctionalInterface
  public interface LeftOut {
    /** Takes a line that names the path; throws to refuse the image. */
    void accept(String line) throws IOException;
  }

  /**
   * The whole tree, with one node for all names of an inode. Every block map is walked once.
   *
   * @param maxNames how many names it may have
   * @throws UnreadableImageException also where there is a socket, which a tree cannot hold
   */
  public FileTree tree(long maxNames) throws IOException {
    return tree(
        root(),
        maxNames,
        line -> {
          throw new UnreadableImageException(new Finding("tree", line, "", ""));
        });
  }

  /**
   * The tree below {@code top}, which becomes the root.
   *
   * @param leftOut is told of each socket
   */
  public FileTree tree(StoredInode top, long maxNames, LeftOut leftOut) throws IOException {
    return new TreeReader(volume, maxNames, leftOut).read(top);
  }
}
