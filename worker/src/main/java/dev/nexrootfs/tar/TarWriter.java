package dev.nexrootfs.tar;

import dev.nexrootfs.tree.Attributes;
import dev.nexrootfs.tree.Content;
import dev.nexrootfs.tree.Content.DataRange;
import dev.nexrootfs.tree.DeviceNode;
import dev.nexrootfs.tree.Directory;
import dev.nexrootfs.tree.FileTree;
import dev.nexrootfs.tree.Name;
import dev.nexrootfs.tree.Node;
import dev.nexrootfs.tree.RegularFile;
import dev.nexrootfs.tree.SymbolicLink;
import dev.nexrootfs.tree.TreePath;
import java.io.IOException;
import java.io.OutputStream;
import java.math.BigDecimal;
import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.time.Instant;
import java.util.ArrayDeque;
import java.util.Arrays;
import java.util.Collections;
import java.util.Deque;
import java.util.IdentityHashMap;
import java.util.Iterator;
import java.util.Map;
import java.util.Set;

/**
 * Writes a tree as a PAX archive, in the order of the names: the same tree gives the same bytes.
 * Nothing of the tree is lost; holes are not written (PAX sparse format 1.0), so the archive is as
 * large as the data.
 *
 * <p>Names are bytes and written as they are. Names of users and groups are left out.
 */
public final class TarWriter {
  private static final int BLOCK = TarHeader.BYTES;
  private static final int BUFFER_BYTES = 1 << 16;
  private static final int MAX_NAME_FIELD = 100;
  private static final long MAX_ID_FIELD = 07777777;
  private static final long MAX_LONG_FIELD = 077777777777L;

  private final OutputStream out;
  private final byte[] buffer = new byte[BUFFER_BYTES];

  /** The first path of each node that has several; empty before it is written. */
  private final IdentityHashMap<Node, byte[]> linked = new IdentityHashMap<>();

  private TarWriter(OutputStream out) {
    this.out = out;
  }

  /** A directory that is being written: its path with a slash, and what is still to come. */
  private record Open(byte[] path, Iterator<Map.Entry<Name, Node>> rest) {
    static Open of(byte[] path, Directory directory) {
      return new Open(path, directory.entries().entrySet().iterator());
    }
  }

  /**
   * Writes {@code tree} with its root as {@code ./}; the stream stays open.
   *
   * @throws IOException where content cannot be read, the stream does not take it, or a path has
   *     more than {@link TreePath#MAX_BYTES}
   */
  public static void write(FileTree tree, OutputStream out) throws IOException {
    write(tree, new IdentityHashMap<>(), out);
  }

  /**
   * Writes {@code tree}, a layer over another tree, as {@link #write(FileTree, OutputStream)} does.
   *
   * @param elsewhere files of the other tree that have a further name in this one: their nodes
   *     here, and their paths there
   */
  public static void write(
      FileTree tree, IdentityHashMap<Node, TreePath> elsewhere, OutputStream out)
      throws IOException {
    TarWriter writer = new TarWriter(out);
    for (Map.Entry<Node, TreePath> link : elsewhere.entrySet()) {
      byte[] path = link.getValue().toBytes();
      byte[] relative = Arrays.copyOf(new byte[] {'.', '/'}, 2 + path.length);
      System.arraycopy(path, 0, relative, 2, path.length);
      writer.linked.put(link.getKey(), relative);
    }
    writer.write(tree.root());
  }

  private void write(Directory root) throws IOException {
    findLinked(root);
    byte[] top = {'.', '/'};
    writeEntry(top, root);
    Deque<Open> open = new ArrayDeque<>();
    open.push(Open.of(top, root));
    while (!open.isEmpty()) {
      Open current = open.getFirst();
      if (!current.rest.hasNext()) {
        open.pop();
        continue;
      }
      Map.Entry<Name, Node> entry = current.rest.next();
      byte[] path = join(current.path, entry.getKey(), entry.getValue() instanceof Directory);
      writeEntry(path, entry.getValue());
      if (entry.getValue() instanceof Directory below) {
        open.push(Open.of(path, below));
      }
    }
    out.write(new byte[2 * BLOCK]);
    out.flush();
  }

  private void findLinked(Directory root) {
    Set<Node> seen = Collections.newSetFromMap(new IdentityHashMap<>());
    Deque<Directory> open = new ArrayDeque<>();
    open.push(root);
    while (!open.isEmpty()) {
      for (Node node : open.pop().entries().values()) {
        if (node instanceof Directory below) {
          open.push(below);
        } else if (!seen.add(node)) {
          linked.putIfAbsent(node, new byte[0]);
        }
      }
    }
  }

  private static byte[] join(byte[] parent, Name name, boolean isDirectory) throws IOException {
    byte[] path = Arrays.copyOf(parent, parent.length + name.length() + (isDirectory ? 1 : 0));
    System.arraycopy(name.bytes(), 0, path, parent.length, name.length());
    if (path.length > TreePath.MAX_BYTES) {
      throw new IOException(
          Name.text(Arrays.copyOf(path, MAX_NAME_FIELD))
              + "…: a path of "
              + path.length
              + " bytes; an archive's path has at most "
              + TreePath.MAX_BYTES);
    }
    if (isDirectory) {
      path[path.length - 1] = '/';
    }
    return path;
  }

  private void writeEntry(byte[] path, Node node) throws IOException {
    byte[] first = linked.get(node);
    if (first != null && first.length > 0) {
      // A link takes its attributes from the entry that it names.
      PaxHeader pax = new PaxHeader();
      writeHeaders(pax, entry(pax, path, node.attributes(), '1', first));
      return;
    }
    if (first != null) {
      linked.put(node, path);
    }
    PaxHeader pax = new PaxHeader();
    node.attributes().xattrs().asMap().forEach(pax::addXattr);
    if (node instanceof RegularFile file) {
      writeFile(pax, path, file);
    } else if (node instanceof SymbolicLink link) {
      writeHeaders(pax, entry(pax, path, node.attributes(), '2', link.target()));
    } else if (node instanceof DeviceNode device) {
      char type =
          switch (device.type()) {
            case CHARACTER -> '3';
            case BLOCK -> '4';
            case FIFO -> '6';
          };
      byte[] header = entry(pax, path, node.attributes(), type, new byte[0]);
      octal(header, 329, 8, device.major()); //               char devmajor[8]
      octal(header, 337, 8, device.minor()); //               char devminor[8]
      writeHeaders(pax, header);
    } else {
      writeHeaders(pax, entry(pax, path, node.attributes(), '5', new byte[0]));
    }
  }

  private void writeFile(PaxHeader pax, byte[] path, RegularFile file) throws IOException {
    Content content = file.content();
    SparseMap map = SparseMap.of(content);
    byte[] name = path;
    byte[] mapBytes = new byte[0];
    if (map.hasHoles()) {
      mapBytes = map.encode();
      pax.add("GNU.sparse.major", "1");
      pax.add("GNU.sparse.minor", "0");
      pax.add("GNU.sparse.name", path);
      pax.add("GNU.sparse.realsize", Long.toString(content.size()));
      // What a program without sparse files makes of the entry, as GNU tar names it.
      name = "./GNUSparseFile.0".getBytes(StandardCharsets.US_ASCII);
    }
    byte[] header = entry(pax, name, file.attributes(), '0', new byte[0]);
    long size = mapBytes.length + map.dataBytes();
    if (size > MAX_LONG_FIELD) {
      pax.add("size", Long.toString(size));
    }
    octal(header, 124, 12, size > MAX_LONG_FIELD ? 0 : size); // char size[12]
    writeHeaders(pax, header);
    out.write(mapBytes);
    for (DataRange range : map.ranges()) {
      copy(content, range);
    }
  }

  private void copy(Content content, DataRange range) throws IOException {
    long end = range.position() + range.length();
    for (long at = range.position(); at < end; at += buffer.length) {
      int length = (int) Math.min(buffer.length, end - at);
      content.read(at, ByteBuffer.wrap(buffer, 0, length));
      out.write(buffer, 0, length);
    }
    pad(range.length());
  }

  /** The header of an entry without content; what it cannot hold goes into {@code pax}. */
  private static byte[] entry(
      PaxHeader pax, byte[] path, Attributes attributes, char type, byte[] link) {
    byte[] header = new byte[BLOCK];
    text(pax, "path", header, 0, path); //                    char name[100]
    octal(header, 100, 8, attributes.permissions()); //       char mode[8]
    id(pax, "uid", header, 108, attributes.uid()); //         char uid[8]
    id(pax, "gid", header, 116, attributes.gid()); //         char gid[8]
    octal(header, 124, 12, 0); //                             char size[12]
    time(pax, header, attributes.mtime()); //                 char mtime[12]
    header[156] = (byte) type; //                             char typeflag
    text(pax, "linkpath", header, 157, link); //              char linkname[100]
    magic(header);
    return header;
  }

  private static void magic(byte[] header) {
    byte[] magic = {'u', 's', 't', 'a', 'r', 0, '0', '0'}; // char magic[6], version[2]
    System.arraycopy(magic, 0, header, 257, magic.length);
  }

  private static void text(PaxHeader pax, String key, byte[] header, int at, byte[] value) {
    if (value.length > MAX_NAME_FIELD) {
      pax.add(key, value);
    }
    System.arraycopy(value, 0, header, at, Math.min(value.length, MAX_NAME_FIELD));
  }

  private static void id(PaxHeader pax, String key, byte[] header, int at, long value) {
    if (value > MAX_ID_FIELD) {
      pax.add(key, Long.toString(value));
    }
    octal(header, at, 8, value > MAX_ID_FIELD ? 0 : value);
  }

  private static void time(PaxHeader pax, byte[] header, Instant time) {
    long seconds = time.getEpochSecond();
    int nanos = time.getNano();
    boolean fits = nanos == 0 && seconds >= 0 && seconds <= MAX_LONG_FIELD;
    if (!fits) {
      BigDecimal exact = BigDecimal.valueOf(seconds).add(BigDecimal.valueOf(nanos, 9));
      pax.add("mtime", exact.stripTrailingZeros().toPlainString());
    }
    octal(header, 136, 12, Math.max(0, Math.min(seconds, MAX_LONG_FIELD)));
  }

  private void writeHeaders(PaxHeader pax, byte[] header) throws IOException {
    if (!pax.isEmpty()) {
      byte[] records = pax.bytes();
      byte[] extended = new byte[BLOCK];
      byte[] name = "./PaxHeaders/entry".getBytes(StandardCharsets.US_ASCII);
      System.arraycopy(name, 0, extended, 0, name.length);
      octal(extended, 100, 8, 0644);
      octal(extended, 108, 8, 0);
      octal(extended, 116, 8, 0);
      octal(extended, 124, 12, records.length);
      octal(extended, 136, 12, 0);
      extended[156] = 'x';
      magic(extended);
      writeHeader(extended);
      out.write(records);
      pad(records.length);
    }
    writeHeader(header);
  }

  private void writeHeader(byte[] header) throws IOException {
    Arrays.fill(header, 148, 156, (byte) ' '); //             char chksum[8]
    int sum = 0;
    for (byte b : header) {
      sum += b & 0xFF;
    }
    octal(header, 148, 7, sum);
    out.write(header);
  }

  private void pad(long length) throws IOException {
    out.write(new byte[(int) (-length & BLOCK - 1)]);
  }

  /** Octal digits and a NUL in {@code length} bytes. */
  private static void octal(byte[] header, int at, int length, long value) {
    long rest = value;
    for (int i = at + length - 2; i >= at; i--) {
      header[i] = (byte) ('0' + (rest & 7));
      rest >>>= 3;
    }
    header[at + length - 1] = 0;
  }
}
