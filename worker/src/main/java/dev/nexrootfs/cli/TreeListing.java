package dev.nexrootfs.cli;

import dev.nexrootfs.tree.DeviceNode;
import dev.nexrootfs.tree.Directory;
import dev.nexrootfs.tree.Name;
import dev.nexrootfs.tree.Node;
import dev.nexrootfs.tree.RegularFile;
import dev.nexrootfs.tree.SymbolicLink;
import java.io.PrintWriter;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.Deque;
import java.util.HashMap;
import java.util.List;
import java.util.Map;

/** Lists a merged tree as {@code ls -lnR} lists a directory. */
final class TreeListing {
  private final PrintWriter out;
  private final Map<Node, Integer> links = new HashMap<>();

  TreeListing(PrintWriter out) {
    this.out = out;
  }

  private record Pending(Directory directory, String path) {}

  /** Lists {@code node}, which stands at {@code path} below {@code root}. */
  void list(Directory root, Node node, String path) {
    count(root);
    if (!(node instanceof Directory top)) {
      ListingTable.print(out, List.of(line(node, path)));
      return;
    }
    Deque<Pending> pending = new ArrayDeque<>();
    pending.push(new Pending(top, path.equals("/") ? "" : path));
    boolean isFirst = true;
    while (!pending.isEmpty() && !out.checkError()) {
      Pending next = pending.pop();
      out.print(isFirst ? "" : "\n");
      isFirst = false;
      out.println((next.path.isEmpty() ? "/" : next.path) + ":");
      List<ListingTable.Line> lines = new ArrayList<>();
      Deque<Pending> below = new ArrayDeque<>();
      for (Map.Entry<Name, Node> entry : next.directory.entries().entrySet()) {
        lines.add(line(entry.getValue(), entry.getKey().toString()));
        if (entry.getValue() instanceof Directory directory) {
          below.push(new Pending(directory, next.path + "/" + entry.getKey()));
        }
      }
      ListingTable.print(out, lines);
      below.forEach(pending::push);
    }
  }

  /** Counts the names of each node; a directory has its own and those of its children too. */
  private void count(Directory root) {
    Deque<Directory> pending = new ArrayDeque<>(List.of(root));
    links.merge(root, 2, Integer::sum);
    while (!pending.isEmpty()) {
      Directory directory = pending.pop();
      for (Node child : directory.entries().values()) {
        if (child instanceof Directory below) {
          links.merge(below, 2, Integer::sum);
          links.merge(directory, 1, Integer::sum);
          pending.push(below);
        } else {
          links.merge(child, 1, Integer::sum);
        }
      }
    }
  }

  private ListingTable.Line line(Node node, String name) {
    List<String> attributes = new ArrayList<>();
    node.attributes()
        .xattrs()
        .asMap()
        .forEach((key, value) -> attributes.add(key + " " + value.length));
    String shown =
        node instanceof SymbolicLink link ? name + " -> " + Name.text(link.target()) : name;
    String[] fields = {
      ListingTable.mode(letter(node), node.attributes().permissions())
          + (attributes.isEmpty() ? "" : "+"),
      Integer.toString(links.getOrDefault(node, 1)),
      Long.toString(node.attributes().uid()),
      Long.toString(node.attributes().gid()),
      size(node),
      node.attributes().mtime().toString()
    };
    return new ListingTable.Line(fields, shown, attributes);
  }

  private static char letter(Node node) {
    if (node instanceof DeviceNode device) {
      return switch (device.type()) {
        case CHARACTER -> 'c';
        case BLOCK -> 'b';
        case FIFO -> 'p';
      };
    }
    return node instanceof Directory ? 'd' : node instanceof SymbolicLink ? 'l' : '-';
  }

  private static String size(Node node) {
    if (node instanceof RegularFile file) {
      return Long.toString(file.content().size());
    }
    if (node instanceof SymbolicLink link) {
      return Integer.toString(link.target().length);
    }
    if (node instanceof DeviceNode device
        && (device.type() == DeviceNode.Type.CHARACTER || device.type() == DeviceNode.Type.BLOCK)) {
      return device.major() + ", " + device.minor();
    }
    return "0";
  }
}
