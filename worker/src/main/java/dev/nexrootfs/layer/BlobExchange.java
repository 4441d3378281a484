package dev.nexrootfs.layer;

import dev.nexrootfs.oci.Descriptor;
import java.io.IOException;
import java.io.InputStream;
import java.io.OutputStream;

/**
 * Where the workers of a pool leave blobs for each other, so that one of them asks the registry.
 */
public interface BlobExchange {
  /** No pool: every worker asks for itself. */
  BlobExchange NONE =
      new BlobExchange() {
        @Override
        public boolean fetch(Descriptor blob, OutputStream target, Runnable stillWanted) {
          return false;
        }

        @Override
        public void offer(Descriptor blob, Opener opener) {}

        @Override
        public void reject(Descriptor blob) {}

        @Override
        public void giveUp(Descriptor blob) {}
      };

  /** Opens a blob of the cache once more. */
  @FunctionalInterface
  interface Opener {
    /** All of its bytes. */
    InputStream open() throws IOException;
  }

  /**
   * Writes the blob to {@code target}, where the pool has it or another worker is getting it.
   * Otherwise this worker is the one to get it, and says {@link #offer} or {@link #giveUp}.
   *
   * @param stillWanted called while another worker is waited for; what it throws ends that
   * @return whether it was written; its bytes are not verified
   */
  boolean fetch(Descriptor blob, OutputStream target, Runnable stillWanted) throws IOException;

  /** This worker has the blob, verified. Returns at once. */
  void offer(Descriptor blob, Opener opener);

  /** What {@link #fetch} wrote is not the blob. This worker gets it elsewhere. */
  void reject(Descriptor blob) throws IOException;

  /** This worker does not get the blob. */
  void giveUp(Descriptor blob);
}
