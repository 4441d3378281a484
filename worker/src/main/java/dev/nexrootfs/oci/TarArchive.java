package dev.nexrootfs.oci;

import dev.nexrootfs.tar.TarEntry;
import dev.nexrootfs.tar.TarReader;
import java.io.Closeable;
import java.io.IOException;
import java.io.InputStream;
import java.nio.ByteBuffer;
import java.nio.channels.FileChannel;
import java.nio.charset.StandardCharsets;
import java.util.ArrayDeque;
import java.util.Deque;
import java.util.HashMap;
import java.util.Map;
import java.util.Optional;

/** A tar archive with its files by name: an image as one file. */
final class TarArchive implements Closeable {
  private static final int MAX_FILES = 100_000;
  private static final int MAX_LINKS = 8;

  /** Of all names together: ten times what as many blobs are called. */
  private static final long MAX_NAME_BYTES = 16 << 20;

  private static final byte[] NO_NAME = {};

  private final String place;
  private final FileChannel channel;
  private final Map<String, Place> entries = new HashMap<>();
  private long nameBytes;

  /** What is kept of an entry. */
  private record Place(
      TarEntry.Type type, long offset, long size, boolean sparse, byte[] linkName) {
    static Place of(TarEntry entry) {
      boolean isLink =
          entry.type() == TarEntry.Type.SYMBOLIC_LINK || entry.type() == TarEntry.Type.HARD_LINK;
      return new Place(
          entry.type(),
          entry.offset(),
          entry.size(),
          entry.segments().isPresent(),
          isLink ? entry.linkName() : NO_NAME);
    }
  }

  private TarArchive(String place, FileChannel channel) {
    this.place = place;
    this.channel = channel;
  }

  /**
   * Reads the archive that is {@code channel}, which is closed with it.
   *
   * @param place how messages name it
   */
  static TarArchive of(FileChannel channel, String place) throws IOException {
    TarArchive archive = new TarArchive(place, channel);
    try {
      archive.index();
      return archive;
    } catch (IOException | RuntimeException e) {
      channel.close();
      throw new InvalidImageException(
          place + " cannot be read as an archive of an image: " + e.getMessage(), e);
    }
  }

  private void index() throws IOException {
    if (isGzip()) {
      throw new InvalidImageException(place + " is compressed by gzip; decompress it first");
    }
    TarReader reader = new TarReader(channel);
    for (Optional<TarEntry> next = reader.next(); next.isPresent(); next = reader.next()) {
      String name = clean(next.get().name());
      Place entry = Place.of(next.get());
      nameBytes += name.length() + entry.linkName().length;
      entries.put(name, entry);
      if (entries.size() > MAX_FILES) {
        throw new InvalidImageException(place + " has more than " + MAX_FILES + " entries");
      }
      if (nameBytes > MAX_NAME_BYTES) {
        throw new InvalidImageException(
            place + " has names of more than " + MAX_NAME_BYTES + " bytes in all");
      }
    }
  }

  private boolean isGzip() throws IOException {
    ByteBuffer magic = ByteBuffer.allocate(2);
    return channel.read(magic, 0) == 2 && magic.getShort(0) == 0x1F8B;
  }

  boolean has(String name) {
    return entries.containsKey(name);
  }

  String place() {
    return place;
  }

  /** The bytes of a file. */
  InputStream open(String name) throws InvalidImageException {
    Place entry = find(name);
    return new EntryStream(channel, entry.offset(), entry.size());
  }

  /** Where a file's content begins: two names of one file have the same. */
  long offset(String name) throws InvalidImageException {
    return find(name).offset();
  }

  /** Bytes of a file's content. */
  long size(String name) throws InvalidImageException {
    return find(name).size();
  }

  /** A small file, whole. */
  byte[] read(String name, int limit) throws IOException {
    if (size(name) > limit) {
      throw new InvalidImageException(place + ": " + name + " has more than " + limit + " bytes");
    }
    try (InputStream in = open(name)) {
      return in.readAllBytes();
    }
  }

  /**
   * The file of {@code name}; a link, as docker save makes for a layer that stands twice, is
   * followed.
   */
  private Place find(String name) throws InvalidImageException {
    String at = name;
    for (int links = 0; links <= MAX_LINKS; links++) {
      Place entry = entries.get(at);
      if (entry == null) {
        throw new InvalidImageException(place + ": " + name + " is missing");
      }
      if (entry.sparse()) {
        throw new InvalidImageException(
            place + ": " + at + " is stored without its holes; make the archive without --sparse");
      }
      if (entry.type() == TarEntry.Type.REGULAR) {
        return entry;
      }
      String target = new String(entry.linkName(), StandardCharsets.ISO_8859_1);
      if (entry.type() == TarEntry.Type.SYMBOLIC_LINK) {
        at = resolve(at, target);
      } else if (entry.type() == TarEntry.Type.HARD_LINK) {
        at = clean(entry.linkName());
      } else {
        throw new InvalidImageException(place + ": " + at + " is not a file");
      }
    }
    throw new InvalidImageException(
        place + ": " + name + " leads through more than " + MAX_LINKS + " links");
  }

  /** The name that a symbolic link at {@code name} leads to, inside the archive. */
  private static String resolve(String name, String target) {
    Deque<String> components = new ArrayDeque<>();
    int slash = name.lastIndexOf('/');
    String whole = target.startsWith("/") ? target : name.substring(0, slash + 1) + target;
    for (String component : whole.split("/", -1)) {
      if (component.equals("..")) {
        components.pollLast();
      } else if (!component.isEmpty() && !component.equals(".")) {
        components.addLast(component);
      }
    }
    return String.join("/", components);
  }

  private static String clean(byte[] name) {
    String text = new String(name, StandardCharsets.ISO_8859_1);
    return text.startsWith("./") ? text.substring(2) : text;
  }

  @Override
  public void close() throws IOException {
    channel.close();
  }

  /** One entry's bytes. */
  private static final class EntryStream extends InputStream {
    private final FileChannel channel;
    private long position;
    private long left;

    EntryStream(FileChannel channel, long position, long left) {
      this.channel = channel;
      this.position = position;
      this.left = left;
    }

    @Override
    public int read() throws IOException {
      byte[] one = new byte[1];
      return read(one, 0, 1) < 0 ? -1 : one[0] & 0xFF;
    }

    @Override
    public int read(byte[] target, int offset, int length) throws IOException {
      if (length == 0) {
        return 0;
      }
      if (left == 0) {
        return -1;
      }
      int got =
          channel.read(ByteBuffer.wrap(target, offset, (int) Math.min(length, left)), position);
      if (got > 0) {
        position += got;
        left -= got;
      }
      return got;
    }
  }
}
