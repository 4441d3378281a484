package dev.nexrootfs.sandbox;

import dev.nexrootfs.layer.DecodedLayer;
import dev.nexrootfs.oci.Digest;
import dev.nexrootfs.tar.DataSegments;
import dev.nexrootfs.tar.TarEntry;
import dev.nexrootfs.tar.TarReader;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.security.MessageDigest;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.HexFormat;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.TreeMap;
import java.util.TreeSet;

/** In which files two layers that scripts have made differ, and in what. */
public final class LayerDifferences {
  private static final int BUFFER_BYTES = 1 << 16;

  private LayerDifferences() {}

  /** One entry of a layer. */
  private record Entry(Map<String, String> fields) {}

  /** A line for each file, in the order of the names. */
  public static List<String> between(DecodedLayer one, DecodedLayer other) throws IOException {
    Map<String, Entry> first = read(one);
    Map<String, Entry> second = read(other);
    TreeSet<String> names = new TreeSet<>(first.keySet());
    names.addAll(second.keySet());
    List<String> lines = new ArrayList<>();
    for (String name : names) {
      Entry was = first.get(name);
      Entry is = second.get(name);
      if (was == null || is == null) {
        lines.add(name + ": only in the " + (was == null ? "second" : "first") + " run");
      } else if (!was.equals(is)) {
        lines.add(name + ": " + fields(was, is));
      }
    }
    return lines;
  }

  private static String fields(Entry was, Entry is) {
    List<String> different = new ArrayList<>();
    for (Map.Entry<String, String> field : was.fields().entrySet()) {
      if (!field.getValue().equals(is.fields().get(field.getKey()))) {
        different.add(field.getKey());
      }
    }
    return String.join(", ", different);
  }

  private static Map<String, Entry> read(DecodedLayer layer) throws IOException {
    Map<String, Entry> entries = new TreeMap<>();
    TarReader reader = new TarReader(layer.channel());
    for (Optional<TarEntry> next = reader.next(); next.isPresent(); next = reader.next()) {
      TarEntry entry = next.get();
      Map<String, String> fields = new TreeMap<>();
      fields.put("type", entry.type().name());
      fields.put("mode", Integer.toOctalString(entry.permissions()));
      fields.put("owner", entry.uid() + ":" + entry.gid());
      fields.put("time", entry.mtime().toString());
      fields.put("target", entry.displayLinkName() + " " + entry.major() + ":" + entry.minor());
      StringBuilder xattrs = new StringBuilder();
      new TreeMap<>(entry.xattrs())
          .forEach((name, value) -> xattrs.append(name).append(Arrays.toString(value)));
      fields.put("attributes", xattrs.toString());
      fields.put("content", content(layer, entry));
      entries.put(entry.displayName().replaceFirst("^\\./", "/"), new Entry(fields));
    }
    return entries;
  }

  private static long dataBytes(DataSegments segments) {
    int last = segments.count() - 1;
    return last < 0 ? 0 : segments.stored(last) + segments.length(last);
  }

  private static String content(DecodedLayer layer, TarEntry entry) throws IOException {
    long length = entry.segments().map(LayerDifferences::dataBytes).orElse(entry.size());
    MessageDigest computation = Digest.newSha256();
    ByteBuffer buffer = ByteBuffer.allocate(BUFFER_BYTES);
    for (long at = 0; at < length; ) {
      buffer.clear().limit((int) Math.min(BUFFER_BYTES, length - at));
      int got = layer.channel().read(buffer, entry.offset() + at);
      if (got < 0) {
        throw new IOException(entry.displayName() + ": the layer ends in its content");
      }
      computation.update(buffer.flip());
      at += got;
    }
    return entry.size() + " " + HexFormat.of().formatHex(computation.digest());
  }
}
