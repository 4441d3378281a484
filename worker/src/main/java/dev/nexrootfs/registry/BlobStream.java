package dev.nexrootfs.registry;

import dev.nexrootfs.oci.Descriptor;
import dev.nexrootfs.oci.DigestMismatchException;
import java.io.EOFException;
import java.io.IOException;
import java.io.InputStream;
import java.time.Duration;
import java.util.List;
import java.util.Optional;
import java.util.OptionalLong;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import org.jspecify.annotations.Nullable;

/**
 * A blob as one stream, however often its connection breaks: it goes on by Range where it stopped,
 * at the same endpoint or at the next. Gives up after some tries that brought nothing.
 */
final class BlobStream extends InputStream {
  /** A try that brings less has brought nothing. */
  private static final long PROGRESS_BYTES = 1 << 16;

  private static final int BUFFER_BYTES = 1 << 16;
  private static final Pattern CONTENT_RANGE =
      Pattern.compile("bytes (\\d{1,18})-(\\d{1,18})/(\\d{1,18}|\\*)");

  private final RegistryRepository repository;
  private final Descriptor descriptor;
  private final List<Endpoint> endpoints;
  private @Nullable Answer answer;
  private int endpoint;
  private long position;
  private long resumedAt;
  private int fruitless;
  private boolean rangesWork = true;

  BlobStream(
      RegistryRepository repository, Descriptor descriptor, long from, List<Endpoint> endpoints) {
    this.repository = repository;
    this.descriptor = descriptor;
    this.endpoints = endpoints;
    this.position = from;
    this.resumedAt = from;
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
    while (position < descriptor.size()) {
      try {
        Answer current = answer == null ? open() : answer;
        int most = (int) Math.min(length, descriptor.size() - position);
        int got = current.body().read(target, offset, most);
        if (got >= 0) {
          position += got;
          return got;
        }
        throw new EOFException("the body ends at byte " + position + " of " + descriptor.size());
      } catch (RegistryException | DigestMismatchException e) {
        nextEndpoint(e);
      } catch (IOException e) {
        resume(e);
      }
    }
    return -1;
  }

  /** An answer whose body goes on at the position. */
  private Answer open() throws IOException {
    long from = rangesWork ? position : 0;
    Answer opened = repository.request(endpoints.get(endpoint), descriptor, from);
    answer = opened;
    checkBody(opened);
    if (opened.status() == 206) {
      checkRange(opened, from);
    } else {
      checkLength(opened);
      skip(opened, position);
    }
    return opened;
  }

  private void checkBody(Answer opened) throws IOException {
    String encoding = opened.header("content-encoding").orElse("identity");
    if (!encoding.equals("identity")) {
      throw new DigestMismatchException(
          place() + " has Content-Encoding " + encoding + ", which nobody asked for");
    }
  }

  private void checkRange(Answer opened, long from) throws IOException {
    Matcher range = CONTENT_RANGE.matcher(opened.header("content-range").orElse(""));
    boolean right =
        range.matches()
            && Long.parseLong(range.group(1)) == from
            && (range.group(3).equals("*") || Long.parseLong(range.group(3)) == descriptor.size());
    if (!right) {
      rangesWork = false;
      throw new IOException(
          place()
              + " answers bytes "
              + from
              + "- with Content-Range \""
              + opened.header("content-range").orElse("")
              + "\"");
    }
  }

  private void checkLength(Answer opened) throws IOException {
    OptionalLong length = opened.contentLength();
    if (length.isPresent() && length.getAsLong() != descriptor.size()) {
      throw new DigestMismatchException(
          place()
              + " has "
              + length.getAsLong()
              + " bytes where "
              + descriptor.size()
              + " were promised");
    }
  }

  /** A registry without ranges sends what is here already once more. */
  private static void skip(Answer opened, long bytes) throws IOException {
    byte[] scratch = new byte[BUFFER_BYTES];
    for (long left = bytes; left > 0; ) {
      int got = opened.body().read(scratch, 0, (int) Math.min(left, scratch.length));
      if (got < 0) {
        throw new EOFException("the body ends " + left + " bytes before where it is to go on");
      }
      left -= got;
    }
  }

  private void resume(IOException cause) throws IOException {
    closeAnswer();
    boolean progress = position - resumedAt >= PROGRESS_BYTES;
    fruitless = progress ? 1 : fruitless + 1;
    resumedAt = position;
    if (fruitless >= repository.patience().attempts()) {
      nextEndpoint(
          new RegistryException(
              RegistryException.Reason.FAILED,
              place() + " breaks off again and again: " + cause.getMessage(),
              cause));
      return;
    }
    Duration delay = repository.patience().delayAfter(fruitless);
    RegistryClient.pause(delay);
  }

  private void nextEndpoint(IOException cause) throws IOException {
    closeAnswer();
    if (endpoint + 1 >= endpoints.size()) {
      throw cause;
    }
    endpoint++;
    fruitless = 0;
    rangesWork = true;
    resumedAt = position;
  }

  private String place() {
    return endpoints.get(endpoint).name() + ": blob " + descriptor.digest();
  }

  private void closeAnswer() throws IOException {
    Optional<Answer> open = Optional.ofNullable(answer);
    answer = null;
    if (open.isPresent()) {
      open.get().close();
    }
  }

  @Override
  public void close() throws IOException {
    closeAnswer();
  }
}
