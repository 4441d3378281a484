package dev.nexrootfs.ext4.read;

import java.io.IOException;
import java.util.BitSet;
import java.util.TreeMap;

/** The inodes in use: what each is, how many names it says to have and how many were found. */
final class InodeUse {
  /** Inodes are kept in pages, so that memory follows those in use. */
  private static final int PAGE = 256;

  private final TreeMap<Long, Page> pages = new TreeMap<>();

  private static final class Page {
    /** The type as {@code file_type}; 0 where the inode is not in use. */
    private final byte[] type = new byte[PAGE];

    private final int[] links = new int[PAGE];
    private final int[] names = new int[PAGE];
    private final BitSet entered = new BitSet(PAGE);
  }

  /** What is done with each inode in use. */
  @FunctionalInterface
  interface Visitor {
    /**
     * One inode.
     *
     * @param links {@code i_links_count}
     * @param names how many directory entries name it
     */
    void inode(long ino, StoredInode.Type type, int links, int names) throws IOException;
  }

  void add(long ino, StoredInode.Type type, int links) {
    Page page = pages.computeIfAbsent(ino / PAGE, n -> new Page());
    page.type[slot(ino)] = (byte) type.fileType();
    page.links[slot(ino)] = links;
  }

  boolean contains(long ino) {
    Page page = pages.get(ino / PAGE);
    return page != null && page.type[slot(ino)] != 0;
  }

  /** What an inode is, which is in use. */
  StoredInode.Type type(long ino) {
    Page page = pages.get(ino / PAGE);
    if (page == null || page.type[slot(ino)] == 0) {
      throw new IllegalArgumentException("inode " + ino + " is not in use");
    }
    return StoredInode.Type.ofFileType(page.type[slot(ino)]);
  }

  /** Counts a name of an inode, which is in use. */
  void addName(long ino) {
    Page page = pages.get(ino / PAGE);
    if (page != null) {
      page.names[slot(ino)]++;
    }
  }

  /** Whether a directory is entered for the first time. */
  boolean enter(long ino) {
    Page page = pages.get(ino / PAGE);
    if (page == null || page.entered.get(slot(ino))) {
      return false;
    }
    page.entered.set(slot(ino));
    return true;
  }

  void forEach(Visitor visitor) throws IOException {
    for (var entry : pages.entrySet()) {
      Page page = entry.getValue();
      for (int i = 0; i < PAGE; i++) {
        if (page.type[i] != 0) {
          StoredInode.Type type = StoredInode.Type.ofFileType(page.type[i]);
          visitor.inode(entry.getKey() * PAGE + i, type, page.links[i], page.names[i]);
        }
      }
    }
  }

  /** The inodes from {@code first} to before {@code end} that are in use, counted from there. */
  BitSet between(long first, long end) {
    BitSet used = new BitSet();
    pages
        .subMap(first / PAGE, true, end / PAGE, true)
        .forEach(
            (number, page) -> {
              for (int i = 0; i < PAGE; i++) {
                long ino = number * PAGE + i;
                if (page.type[i] != 0 && ino >= first && ino < end) {
                  used.set((int) (ino - first));
                }
              }
            });
    return used;
  }

  /** How many of those are directories. */
  int directoriesBetween(long first, long end) {
    int[] count = {0};
    byte directory = (byte) StoredInode.Type.DIRECTORY.fileType();
    pages
        .subMap(first / PAGE, true, end / PAGE, true)
        .forEach(
            (number, page) -> {
              for (int i = 0; i < PAGE; i++) {
                long ino = number * PAGE + i;
                if (page.type[i] == directory && ino >= first && ino < end) {
                  count[0]++;
                }
              }
            });
    return count[0];
  }

  private static int slot(long ino) {
    return (int) (ino % PAGE);
  }
}
