package dev.nexrootfs.ext4.read;

import java.io.IOException;

/** A block map by extents. */
final class ExtentMap implements BlockMap {
  private final Volume volume;
  private final StoredInode inode;

  ExtentMap(Volume volume, StoredInode inode) {
    this.volume = volume;
    this.inode = inode;
  }

  @Override
  public void walk(Visitor visitor) throws IOException {
    walk(StoredExtentNode.root(volume, inode), MAX_LOGICAL_BLOCKS, visitor);
  }

  private void walk(StoredExtentNode node, long to, Visitor visitor) throws IOException {
    for (int i = 0; i < node.entries(); i++) {
      if (node.isLeaf()) {
        visitor.run(node.run(i));
      } else if (visitor.mapBlock(node.childBlock(i))) {
        long end = i + 1 < node.entries() ? node.logical(i + 1) : to;
        walk(StoredExtentNode.child(volume, inode, node, i, end), end, visitor);
      }
    }
  }

  @Override
  public Run runAt(long logical) throws IOException {
    StoredExtentNode node = StoredExtentNode.root(volume, inode);
    long to = MAX_LOGICAL_BLOCKS;
    while (true) {
      int index = node.find(logical);
      if (index + 1 < node.entries()) {
        to = node.logical(index + 1);
      }
      if (index < 0) {
        return new Run(logical, to - logical, 0, false);
      }
      if (node.isLeaf()) {
        Run run = node.run(index);
        long skipped = logical - run.logical();
        return skipped < run.count()
            ? new Run(logical, run.count() - skipped, run.physical() + skipped, run.unwritten())
            : new Run(logical, to - logical, 0, false);
      }
      node = StoredExtentNode.child(volume, inode, node, index, to);
    }
  }
}
