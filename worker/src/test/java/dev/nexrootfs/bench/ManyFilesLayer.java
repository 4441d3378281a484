package dev.nexrootfs.bench;

import dev.nexrootfs.oracle.Tar;
import java.io.BufferedOutputStream;
import java.io.FileDescriptor;
import java.io.FileOutputStream;
import java.io.IOException;
import java.io.OutputStream;
import java.nio.charset.StandardCharsets;
import java.util.Arrays;

/**
 * Writes a layer of many small files to its standard output, a thousand files in each directory.
 */
public final class ManyFilesLayer {
  private static final int FILES_PER_DIRECTORY = 1000;
  private static final int BLOCK = 512;

  private ManyFilesLayer() {}

  /** The one argument is the number of files. */
  public static void main(String[] arguments) throws IOException {
    int files = Integer.parseInt(arguments[0]);
    try (OutputStream out =
        new BufferedOutputStream(new FileOutputStream(FileDescriptor.out), 1 << 20)) {
      String directory = "";
      for (int i = 0; i < files; i++) {
        if (i % FILES_PER_DIRECTORY == 0) {
          directory = String.format("directory-%04d/", i / FILES_PER_DIRECTORY);
          out.write(Tar.header(directory, '5', 0755, 0, 0, 0, ""));
        }
        String name = directory + String.format("file-%07d.txt", i);
        byte[] content = (name + "\n").getBytes(StandardCharsets.US_ASCII);
        out.write(Tar.header(name, '0', 0644, 0, 0, content.length, ""));
        out.write(Arrays.copyOf(content, BLOCK));
      }
      out.write(new byte[2 * BLOCK]);
    }
  }
}
