package dev.nexrootfs.build;

import dev.nexrootfs.oci.Digest;
import java.io.IOException;
import java.io.InputStream;
import java.io.OutputStream;
import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.FileTime;
import java.nio.file.attribute.UserDefinedFileAttributeView;
import java.security.DigestInputStream;
import java.security.MessageDigest;
import java.util.Optional;
import java.util.concurrent.TimeUnit;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * The SHA-256 of a file: as it is noted in the file's extended attribute {@code
 * user.nex-rootfs.digest} together with size and time of change, else computed.
 */
public final class FileDigest {
  private static final Logger LOG = LoggerFactory.getLogger(FileDigest.class);
  private static final String ATTRIBUTE = "nex-rootfs.digest";

  private FileDigest() {}

  /** The digest of {@code file}; a note counts only while size and time are those of the note. */
  public static Digest of(Path file) throws IOException {
    Optional<Digest> noted = noted(file);
    if (noted.isPresent()) {
      return noted.get();
    }
    MessageDigest computation = Digest.newSha256();
    try (InputStream in = new DigestInputStream(Files.newInputStream(file), computation)) {
      in.transferTo(OutputStream.nullOutputStream());
    }
    return Digest.ofSha256(computation.digest());
  }

  /** Notes the digest of {@code file}, where its file system keeps attributes. */
  static void note(Path file, Digest digest) throws IOException {
    UserDefinedFileAttributeView view =
        Files.getFileAttributeView(file, UserDefinedFileAttributeView.class);
    if (view == null) {
      return;
    }
    byte[] text = (digest + state(file)).getBytes(StandardCharsets.UTF_8);
    try {
      view.write(ATTRIBUTE, ByteBuffer.wrap(text));
    } catch (IOException | UnsupportedOperationException e) {
      // Without a note the file is read when somebody asks.
      LOG.debug("{} cannot have a note of its digest: {}", file, e.getMessage());
    }
  }

  private static Optional<Digest> noted(Path file) throws IOException {
    UserDefinedFileAttributeView view =
        Files.getFileAttributeView(file, UserDefinedFileAttributeView.class);
    if (view == null) {
      return Optional.empty();
    }
    try {
      if (!view.list().contains(ATTRIBUTE)) {
        return Optional.empty();
      }
      ByteBuffer buffer = ByteBuffer.allocate(view.size(ATTRIBUTE));
      view.read(ATTRIBUTE, buffer);
      String text = new String(buffer.array(), 0, buffer.position(), StandardCharsets.UTF_8);
      String state = state(file);
      return text.endsWith(state)
          ? Optional.of(new Digest(text.substring(0, text.length() - state.length())))
          : Optional.empty();
    } catch (IOException | UnsupportedOperationException | IllegalArgumentException e) {
      LOG.debug("the note of the digest of {} cannot be read: {}", file, e.getMessage());
      return Optional.empty();
    }
  }

  private static String state(Path file) throws IOException {
    FileTime time = Files.getLastModifiedTime(file);
    return " " + Files.size(file) + " " + time.to(TimeUnit.NANOSECONDS);
  }
}
