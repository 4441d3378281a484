package dev.nexrootfs.store;

import java.io.IOException;
import java.io.InputStream;

/** Bytes to store, which can be opened again after an upload failed. */
@FunctionalInterface
public interface ObjectSource {
  /** The bytes from front to back. */
  InputStream open() throws IOException;
}
