package dev.nexrootfs.build;

import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import org.jspecify.annotations.Nullable;

/** Notes, while inputs are resolved, what their names meant. */
public final class InputLog {
  private final Progress progress;
  private final List<Dependencies.BucketObject> objects = new ArrayList<>();
  private @Nullable String manifest;
  private boolean local;

  /** For inputs that are wanted until they are there. */
  public InputLog() {
    this(Progress.NONE);
  }

  /** An empty one, of a build that {@code progress} may stop. */
  InputLog(Progress progress) {
    this.progress = progress;
  }

  /** Stops the build where nobody wants it any more, however slowly its inputs come. */
  void check() {
    progress.check();
  }

  void object(Dependencies.BucketObject object) {
    objects.add(object);
  }

  void manifest(String digest) {
    manifest = digest;
  }

  /** A file of this machine was read: only reading it again tells whether it has changed. */
  void localFile() {
    local = true;
  }

  /** What was noted; empty where it cannot be looked up again quickly. */
  Optional<Dependencies> dependencies() {
    return local ? Optional.empty() : Optional.of(new Dependencies(manifest, objects));
  }
}
