package dev.nexrootfs.ext4;

import dev.nexrootfs.ext4.ondisk.Inode;
import dev.nexrootfs.tree.Directory;
import dev.nexrootfs.tree.FileTree;
import dev.nexrootfs.tree.Name;
import dev.nexrootfs.tree.Node;
import java.util.ArrayDeque;
import java.util.BitSet;
import java.util.Deque;
import java.util.Map;

/**
 * The inode number of every node, its links and its parent. Numbers go up with the nodes' sequence,
 * so that a lower layer's nodes have theirs whatever comes above.
 */
final class Numbering {
  private final Directory root;
  private final Node[] nodes;
  private final int[] inoOfSequence;
  private final int[] links;
  private final int[] parents;
  private final BitSet retired;
  private final int lastTaken;

  private Numbering(Directory root, Node[] nodes, int[] inoOfSequence, BitSet retired) {
    this.root = root;
    this.nodes = nodes;
    this.inoOfSequence = inoOfSequence;
    this.retired = retired;
    this.links = new int[nodes.length];
    this.parents = new int[nodes.length];
    countLinks();
    int last = lastIno();
    while (!isTaken(last)) {
      last--;
    }
    this.lastTaken = last;
  }

  /**
   * Numbers the nodes of {@code tree}.
   *
   * @param keepRetired whether nodes that upper layers took away keep their numbers, unused
   */
  static Numbering of(FileTree tree, boolean keepRetired) {
    Node[] bySequence = new Node[Math.toIntExact(tree.sequences()) + 1];
    collect(tree.root(), bySequence);
    BitSet retiredSequences = new BitSet();
    if (keepRetired) {
      Node[] live = bySequence.clone();
      for (FileTree.Retired name : tree.retired()) {
        collect(name.node(), bySequence);
      }
      for (int i = 0; i < live.length; i++) {
        retiredSequences.set(i, live[i] == null && bySequence[i] != null);
      }
    }
    int count = 0;
    for (Node node : bySequence) {
      count += node == null || node == tree.root() ? 0 : 1;
    }
    Node[] nodes = new Node[Inode.FIRST_INO + count];
    int[] inoOfSequence = new int[bySequence.length];
    BitSet retired = new BitSet();
    int ino = Inode.FIRST_INO;
    for (int i = 0; i < bySequence.length; i++) {
      Node node = bySequence[i];
      if (node == tree.root()) {
        nodes[Inode.ROOT_INO] = node;
        inoOfSequence[i] = Inode.ROOT_INO;
      } else if (node != null) {
        nodes[ino] = node;
        inoOfSequence[i] = ino;
        retired.set(ino, retiredSequences.get(i));
        ino++;
      }
    }
    return new Numbering(tree.root(), nodes, inoOfSequence, retired);
  }

  /** Puts {@code top} and all that is below it where their sequences say. */
  private static void collect(Node top, Node[] bySequence) {
    Deque<Node> open = new ArrayDeque<>();
    open.push(top);
    while (!open.isEmpty()) {
      Node node = open.pop();
      Node known = bySequence[index(node)];
      if (known != null && known != node) {
        throw new IllegalStateException("two nodes of sequence " + node.sequence());
      }
      bySequence[index(node)] = node;
      if (known == null && node instanceof Directory directory) {
        directory.entries().values().forEach(open::push);
      }
    }
  }

  /** The sequence -1 is lost+found's, where the tree has none. */
  private static int index(Node node) {
    return Math.toIntExact(node.sequence() + 1);
  }

  private void countLinks() {
    parents[Inode.ROOT_INO] = Inode.ROOT_INO;
    links[Inode.ROOT_INO] = 1;
    for (int ino = Inode.ROOT_INO; ino < nodes.length; ino++) {
      if (!isUsed(ino) || !(nodes[ino] instanceof Directory directory)) {
        continue;
      }
      links[ino]++;
      for (Node child : directory.entries().values()) {
        int childIno = inoOf(child);
        links[childIno]++;
        parents[childIno] = ino;
        if (child instanceof Directory) {
          links[ino]++;
        }
      }
    }
  }

  /** The highest number in the plan. */
  int lastIno() {
    return nodes.length - 1;
  }

  /** Whether {@code ino} is that of a node of the tree. */
  boolean isUsed(int ino) {
    return nodes[ino] != null && !retired.get(ino);
  }

  /** Whether {@code ino} is kept free for a node that is no more. */
  boolean isRetired(int ino) {
    return retired.get(ino);
  }

  /** The node of {@code ino}, which is used or retired. */
  Node node(int ino) {
    Node node = nodes[ino];
    if (node == null) {
      throw new IllegalArgumentException("inode " + ino + " has no node");
    }
    return node;
  }

  /** The number of {@code node}, which is in the tree. */
  int inoOf(Node node) {
    int ino = inoOfSequence[index(node)];
    if (ino == 0 || nodes[ino] != node) {
      throw new IllegalArgumentException("a node that the plan does not hold");
    }
    return ino;
  }

  /** {@code i_links_count} of {@code ino}, before dir_nlink is applied. */
  int links(int ino) {
    return links[ino];
  }

  /** The directory that holds {@code ino}; one of them for a file of several names. */
  int parentOf(int ino) {
    return parents[ino];
  }

  /** The path of {@code ino}, for a person. */
  String pathOf(int ino) {
    StringBuilder path = new StringBuilder();
    for (int at = ino; at != Inode.ROOT_INO; at = parents[at]) {
      for (Map.Entry<Name, Node> entry : ((Directory) node(parents[at])).entries().entrySet()) {
        if (entry.getValue() == nodes[at]) {
          path.insert(0, "/" + entry.getKey());
          break;
        }
      }
    }
    return path.length() == 0 ? "/" : path.toString();
  }

  /** The root's directory. */
  Directory root() {
    return root;
  }

  /** Whether {@code ino} is not free: reserved, or a node's. */
  boolean isTaken(long ino) {
    return ino < Inode.FIRST_INO || isUsed((int) ino);
  }

  /** The highest number that is not free. */
  int lastTaken() {
    return lastTaken;
  }
}
