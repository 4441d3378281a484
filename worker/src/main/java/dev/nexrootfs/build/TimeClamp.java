package dev.nexrootfs.build;

import dev.nexrootfs.tree.Directory;
import dev.nexrootfs.tree.FileTree;
import dev.nexrootfs.tree.Node;
import java.time.Instant;
import java.util.ArrayDeque;
import java.util.Deque;

/** No file is younger than a given time: what SOURCE_DATE_EPOCH asks for. */
final class TimeClamp {
  private TimeClamp() {}

  static void clamp(FileTree tree, Instant limit) {
    Deque<Node> open = new ArrayDeque<>();
    open.push(tree.root());
    while (!open.isEmpty()) {
      Node node = open.pop();
      if (node.attributes().mtime().isAfter(limit)) {
        node.setAttributes(node.attributes().withMtime(limit));
      }
      if (node instanceof Directory directory) {
        directory.entries().values().forEach(open::push);
      }
    }
  }
}
