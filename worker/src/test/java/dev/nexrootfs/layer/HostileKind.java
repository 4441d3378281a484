package dev.nexrootfs.layer;

import static org.assertj.core.api.Assertions.assertThat;

import dev.nexrootfs.oracle.Tar;
import dev.nexrootfs.tree.FileTree;
import java.io.IOException;
import java.io.RandomAccessFile;
import java.nio.charset.StandardCharsets;
import java.util.Arrays;
import java.util.List;

/**
 * One way in which layers can be hostile, and what has to come of it.
 *
 * @param name what it is
 * @param layers how the archives are written, the lowest first
 * @param refusal a part of the message that refuses it; empty where it is taken
 * @param check what is true of the tree where it is taken
 */
record HostileKind(String name, List<Writer> layers, String refusal, Check check) {
  /** Writes one archive, which gets its end mark after. */
  @FunctionalInterface
  interface Writer {
    void write(RandomAccessFile out) throws IOException;
  }

  /** Looks at a tree. */
  @FunctionalInterface
  interface Check {
    void check(FileTree tree) throws IOException;
  }

  static HostileKind refused(String name, String part, Writer... layers) {
    return new HostileKind(
        name, List.of(layers), part, tree -> assertThat(tree).as("refused").isNull());
  }

  static HostileKind refused(String name, String part, Tar... layers) {
    return refused(name, part, Arrays.stream(layers).map(HostileKind::of).toArray(Writer[]::new));
  }

  static HostileKind taken(String name, Check check, Writer... layers) {
    return new HostileKind(name, List.of(layers), "", check);
  }

  static HostileKind taken(String name, Check check, Tar... layers) {
    return taken(name, check, Arrays.stream(layers).map(HostileKind::of).toArray(Writer[]::new));
  }

  private static Writer of(Tar tar) {
    byte[] bytes = tar.unfinished();
    return out -> out.write(bytes);
  }

  /** A header of type {@code type} with content as it is. */
  static byte[] extension(char type, String content) {
    byte[] bytes = content.getBytes(StandardCharsets.ISO_8859_1);
    return new Tar()
        .raw(Tar.header("x", type, 0644, 0, 0, bytes.length, ""))
        .raw(Arrays.copyOf(bytes, bytes.length + (-bytes.length & 511)))
        .unfinished();
  }

  /** Writes part by part, as the parts of an array would take too much memory at once. */
  static Writer repeated(int count, java.util.function.IntFunction<Tar> part) {
    return out -> {
      java.io.ByteArrayOutputStream some = new java.io.ByteArrayOutputStream();
      for (int i = 0; i < count; i++) {
        some.writeBytes(part.apply(i).unfinished());
        if (some.size() > 1 << 20 || i == count - 1) {
          out.write(some.toByteArray());
          some.reset();
        }
      }
    };
  }
}
