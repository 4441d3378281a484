package dev.nexrootfs.ext4;

import dev.nexrootfs.oci.Digest;
import dev.nexrootfs.tree.Attributes;
import dev.nexrootfs.tree.ByteContent;
import dev.nexrootfs.tree.DeviceNode;
import dev.nexrootfs.tree.Directory;
import dev.nexrootfs.tree.FileTree;
import dev.nexrootfs.tree.Name;
import dev.nexrootfs.tree.Xattrs;
import java.io.InputStream;
import java.util.LinkedHashMap;
import java.util.Map;

/** Five fixed trees, and the digests of their images. */
public final class GoldenImages {
  private static final long SIZE = 16L << 20;

  private GoldenImages() {}

  /** Prints the digests, a line each; for another JVM than the tests'. */
  public static void main(String[] arguments) throws Exception {
    digests().forEach((name, digest) -> System.out.println(name + " " + digest));
  }

  /** The SHA-256 of each image by the tree's name. */
  static Map<String, String> digests() throws Exception {
    Map<String, String> digests = new LinkedHashMap<>();
    digests.put("root only", digest(Trees.empty(), SIZE));
    digests.put("every type of node", digest(everyType("hello\n"), SIZE));
    digests.put("indexed directory", digest(indexedDirectory(), 32L << 20));
    digests.put("layers with a gap", digest(layersWithAGap(), SIZE));
    digests.put("file around a backup", digest(fileAroundABackup(), 200L << 20));
    return digests;
  }

  static String everyTypeWith(String text) throws Exception {
    return digest(everyType(text), SIZE);
  }

  private static FileTree indexedDirectory() {
    FileTree tree = Trees.empty();
    Directory many = Trees.directory(tree, tree.root(), "many");
    for (int i = 0; i < 2000; i++) {
      Trees.file(tree, many, "a-name-of-some-length-" + i, 0);
    }
    return tree;
  }

  private static FileTree layersWithAGap() {
    FileTree tree = Trees.empty();
    tree.beginLayer();
    Trees.file(tree, tree.root(), "kept", 70_000);
    Trees.file(tree, tree.root(), "removed", 90_000);
    Trees.file(tree, tree.root(), "after", 5000);
    tree.beginLayer();
    tree.remove(tree.root(), Name.of("removed"));
    Trees.file(tree, tree.root(), "added", 300_000);
    return tree;
  }

  private static FileTree fileAroundABackup() {
    FileTree tree = Trees.empty();
    Trees.file(tree, tree.root(), "large", 130L << 20);
    return tree;
  }

  private static FileTree everyType(String text) {
    FileTree tree = Trees.empty();
    Directory root = tree.root();
    Directory below = Trees.directory(tree, root, "below");
    Xattrs xattrs = Xattrs.of(Map.of("user.a", new byte[200], "security.b", new byte[] {1, 0, 2}));
    Attributes attributes = new Attributes(04755, 1000, 4_294_967_294L, Trees.TIME, xattrs);
    root.put(Name.of("link"), Trees.file(tree, below, "f", attributes, ByteContent.of(text)));
    Trees.link(tree, root, "short", "below/f");
    Trees.link(tree, root, "long", "t".repeat(300));
    Trees.device(tree, below, "null", DeviceNode.Type.CHARACTER, 1, 3);
    Trees.device(tree, below, "disk", DeviceNode.Type.BLOCK, 259, 70_000);
    Trees.device(tree, below, "fifo", DeviceNode.Type.FIFO, 0, 0);
    return tree;
  }

  private static String digest(FileTree tree, long size) throws Exception {
    java.security.MessageDigest digest = Digest.newSha256();
    byte[] buffer = new byte[1 << 20];
    try (InputStream stream =
        new Ext4Image(LayoutPlanner.plan(tree, Images.profile(size))).stream()) {
      for (int got = stream.read(buffer); got >= 0; got = stream.read(buffer)) {
        digest.update(buffer, 0, got);
      }
    }
    return java.util.HexFormat.of().formatHex(digest.digest());
  }
}
