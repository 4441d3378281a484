package dev.nexrootfs.ext4;

import dev.nexrootfs.tree.Attributes;
import dev.nexrootfs.tree.ByteContent;
import dev.nexrootfs.tree.Content;
import dev.nexrootfs.tree.DeviceNode;
import dev.nexrootfs.tree.Directory;
import dev.nexrootfs.tree.FileTree;
import dev.nexrootfs.tree.Name;
import dev.nexrootfs.tree.Node;
import dev.nexrootfs.tree.RegularFile;
import dev.nexrootfs.tree.SymbolicLink;
import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.time.Instant;
import java.util.ArrayList;
import java.util.List;
import java.util.Random;

/** Trees for tests, by name and by seed. */
public final class Trees {
  /** A time of no importance. */
  public static final Instant TIME = Instant.parse("2024-02-29T12:34:56.123456789Z");

  private static final int[] SIZES = {0, 1, 59, 4095, 4096, 4097, 12_288, 70_000};
  private static final Instant[] TIMES = {
    Instant.parse("1901-12-13T20:45:52Z"),
    Instant.parse("1969-12-31T23:59:59.999999999Z"),
    Instant.EPOCH,
    TIME,
    Instant.parse("2038-01-19T03:14:07.5Z"),
    Instant.parse("2038-01-19T03:14:08Z"),
    Instant.parse("2446-05-10T22:38:55.999999999Z")
  };

  private Trees() {}

  /** A tree of the root only. */
  public static FileTree empty() {
    return new FileTree(TIME);
  }

  /** 0644 root:root. */
  public static Attributes plain() {
    return Attributes.of(0644, 0, 0, TIME);
  }

  /** Adds a directory. */
  public static Directory directory(FileTree tree, Directory parent, String name) {
    Directory directory = new Directory(Attributes.of(0755, 0, 0, TIME), tree.nextSequence());
    parent.put(Name.of(name), directory);
    return directory;
  }

  /** Adds a file of {@code size} bytes that no other file has. */
  public static RegularFile file(FileTree tree, Directory parent, String name, long size) {
    return file(tree, parent, name, plain(), content(size, name.hashCode()));
  }

  /** Adds a file. */
  public static RegularFile file(
      FileTree tree, Directory parent, String name, Attributes attributes, Content content) {
    RegularFile file = new RegularFile(attributes, tree.nextSequence(), content);
    parent.put(Name.of(name), file);
    return file;
  }

  /** Adds a symbolic link. */
  public static SymbolicLink link(FileTree tree, Directory parent, String name, String target) {
    SymbolicLink link =
        new SymbolicLink(
            Attributes.of(0777, 0, 0, TIME),
            tree.nextSequence(),
            target.getBytes(StandardCharsets.ISO_8859_1));
    parent.put(Name.of(name), link);
    return link;
  }

  /** Adds a device or a fifo. */
  public static void device(
      FileTree tree, Directory parent, String name, DeviceNode.Type type, int major, int minor) {
    parent.put(Name.of(name), new DeviceNode(plain(), tree.nextSequence(), type, major, minor));
  }

  /** Content of {@code size} bytes that are never zero, made when read. */
  public static Content content(long size, int seed) {
    return new Content() {
      @Override
      public long size() {
        return size;
      }

      @Override
      public void read(long position, ByteBuffer target) {
        long at = position;
        while (target.hasRemaining()) {
          target.put((byte) (1 + (at * 31 + (at >>> 12) * 7 + seed & 0x7F)));
          at++;
        }
      }
    };
  }

  /** A tree of everything that a tree can hold, different for each seed. */
  public static FileTree random(long seed) {
    Random random = new Random(seed);
    FileTree tree = new FileTree(TIMES[random.nextInt(TIMES.length)]);
    List<Directory> directories = new ArrayList<>(List.of(tree.root()));
    List<Node> linkable = new ArrayList<>();
    int count = random.nextInt(120);
    for (int i = 0; i < count; i++) {
      Directory parent = directories.get(random.nextInt(directories.size()));
      Attributes attributes = randomAttributes(random);
      Name name = randomName(random, i);
      switch (random.nextInt(8)) {
        case 0 -> {
          Directory child = new Directory(attributes, tree.nextSequence());
          parent.put(name, child);
          directories.add(child);
        }
        case 1 -> {
          byte[] target = new byte[new int[] {1, 20, 59, 60, 61, 4095}[random.nextInt(6)]];
          for (int j = 0; j < target.length; j++) {
            target[j] = (byte) ('a' + random.nextInt(26));
          }
          Node link = new SymbolicLink(attributes, tree.nextSequence(), target);
          parent.put(name, link);
          linkable.add(link);
        }
        case 2 -> {
          DeviceNode.Type type =
              List.of(DeviceNode.Type.CHARACTER, DeviceNode.Type.BLOCK, DeviceNode.Type.FIFO)
                  .get(random.nextInt(3));
          int[] numbers = {0, 1, 255, 256, 4095};
          parent.put(
              Name.of("device" + i),
              new DeviceNode(
                  attributes,
                  tree.nextSequence(),
                  type,
                  numbers[random.nextInt(5)],
                  random.nextBoolean() ? 1_048_575 : numbers[random.nextInt(5)]));
        }
        case 3 -> {
          if (!linkable.isEmpty()) {
            parent.put(name, linkable.get(random.nextInt(linkable.size())));
          }
        }
        default -> {
          RegularFile file =
              new RegularFile(
                  attributes,
                  tree.nextSequence(),
                  content(SIZES[random.nextInt(SIZES.length)], random.nextInt()));
          parent.put(name, file);
          linkable.add(file);
        }
      }
    }
    if (random.nextInt(10) == 0) {
      Directory many = directory(tree, tree.root(), "many");
      int entries = random.nextInt(3001);
      for (int i = 0; i < entries; i++) {
        file(
            tree, many, "entry-" + i + "x".repeat(random.nextInt(40)), plain(), ByteContent.of(""));
      }
    }
    return tree;
  }

  private static Attributes randomAttributes(Random random) {
    long[] ids = {0, 1000, 65_535, 65_536, 4_294_967_294L};
    return Attributes.of(
        random.nextInt(010000),
        ids[random.nextInt(ids.length)],
        ids[random.nextInt(ids.length)],
        TIMES[random.nextInt(TIMES.length)]);
  }

  /** A name of 1 to 255 bytes of any value but those that would confuse the oracles' output. */
  private static Name randomName(Random random, int number) {
    byte[] suffix = ("-" + number).getBytes(StandardCharsets.US_ASCII);
    int length = random.nextInt(10) == 0 ? 255 : 1 + suffix.length + random.nextInt(30);
    byte[] bytes = new byte[length];
    for (int i = 0; i < length; i++) {
      int b = random.nextBoolean() ? 'a' + random.nextInt(26) : 0x80 + random.nextInt(0x80);
      bytes[i] = (byte) b;
    }
    System.arraycopy(suffix, 0, bytes, length - suffix.length, suffix.length);
    return Name.of(bytes);
  }
}
