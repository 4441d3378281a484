package dev.nexrootfs.ext4.read;

import dev.nexrootfs.tree.FileTree;
import dev.nexrootfs.tree.TreePath;
import java.io.IOException;
import java.util.ArrayDeque;
import java.util.Arrays;
import java.util.Deque;
import java.util.Optional;

/**
 * One look-up of a path: symbolic links are followed inside the image as chroot does, but for the
 * last name.
 */
final class PathLookup {
  private static final byte[] DOT = {'.'};
  private static final byte[] DOT_DOT = {'.', '.'};

  private final Volume volume;
  private final NodeReader nodes;
  private final TreePath path;
  private final Deque<byte[]> rest = new ArrayDeque<>();
  private final Deque<StoredInode> ancestors = new ArrayDeque<>();
  private StoredInode at;
  private int links;
  private int steps;

  PathLookup(Volume volume, TreePath path) throws IOException {
    this.volume = volume;
    this.nodes = new NodeReader(volume);
    this.path = path;
    this.at = volume.inode(StoredInode.ROOT_INO, "superblock");
    path.names().forEach(name -> rest.addLast(name.bytes()));
  }

  /** The inode at the path; empty where there is none. */
  Optional<StoredInode> find() throws IOException {
    while (!rest.isEmpty()) {
      byte[] name = rest.removeFirst();
      if (++steps > TreePath.MAX_BYTES) {
        throw new UnreadableImageException(
            path.toString(), "leads through too many components:", steps, "");
      }
      if (!at.is(StoredInode.Type.DIRECTORY)) {
        return Optional.empty();
      }
      if (Arrays.equals(name, DOT_DOT)) {
        at = ancestors.isEmpty() ? at : ancestors.pop();
        continue;
      }
      Optional<StoredInode> child = child(at, name);
      if (child.isEmpty()) {
        return Optional.empty();
      }
      if (child.get().is(StoredInode.Type.SYMBOLIC_LINK) && !rest.isEmpty()) {
        follow(nodes.target(child.get()));
      } else {
        ancestors.push(at);
        at = child.get();
      }
    }
    return Optional.of(at);
  }

  private Optional<StoredInode> child(StoredInode directory, byte[] name) throws IOException {
    long[] found = {0};
    DirectoryBlocks.walk(
        volume,
        directory,
        (index, bytes) -> {
          String where = directory.where() + ": directory block " + index;
          for (DirectoryEntry entry : DirectoryEntry.decode(volume, bytes, where)) {
            if (Arrays.equals(entry.name(), name)) {
              found[0] = entry.ino();
            }
          }
        });
    return found[0] == 0
        ? Optional.empty()
        : Optional.of(volume.inode(found[0], directory.where()));
  }

  private void follow(byte[] target) throws UnreadableImageException {
    if (++links > FileTree.MAX_LINKS) {
      throw new UnreadableImageException(
          path.toString(), "leads through more symbolic links than", FileTree.MAX_LINKS, "no loop");
    }
    if (target[0] == '/') {
      while (!ancestors.isEmpty()) {
        at = ancestors.pop();
      }
    }
    int end = target.length;
    for (int i = target.length - 1; i >= -1; i--) {
      if (i < 0 || target[i] == '/') {
        byte[] name = Arrays.copyOfRange(target, i + 1, end);
        if (name.length > 0 && !Arrays.equals(name, DOT)) {
          rest.addFirst(name);
        }
        end = i;
      }
    }
  }
}
