package dev.nexrootfs.sandbox;

import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.FileVisitResult;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.SimpleFileVisitor;
import java.nio.file.attribute.BasicFileAttributes;
import java.util.concurrent.TimeUnit;

/** What the files of a directory have, looked up once a second at most. */
final class DirectorySize {
  private static final long AGE_NANOS = TimeUnit.SECONDS.toNanos(1);

  private final Path directory;
  private long looked = System.nanoTime() - AGE_NANOS;
  private long bytes;

  DirectorySize(Path directory) {
    this.directory = directory;
  }

  long bytes() {
    if (System.nanoTime() - looked >= AGE_NANOS) {
      bytes = sum();
      looked = System.nanoTime();
    }
    return bytes;
  }

  private long sum() {
    long[] sum = {0};
    SimpleFileVisitor<Path> visitor =
        new SimpleFileVisitor<>() {
          @Override
          public FileVisitResult visitFile(Path file, BasicFileAttributes attributes) {
            sum[0] += attributes.size();
            return FileVisitResult.CONTINUE;
          }

          @Override
          public FileVisitResult visitFileFailed(Path file, IOException e) {
            return FileVisitResult.CONTINUE; // the script has removed it just now
          }

          @Override
          public FileVisitResult postVisitDirectory(
              Path below, @org.jspecify.annotations.Nullable IOException e) {
            return FileVisitResult.CONTINUE; // likewise
          }
        };
    try {
      Files.walkFileTree(directory, visitor);
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
    return sum[0];
  }
}
