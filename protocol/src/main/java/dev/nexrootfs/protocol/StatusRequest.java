package dev.nexrootfs.protocol;

import com.fasterxml.jackson.annotation.JsonInclude;
import java.util.regex.Pattern;
import org.jspecify.annotations.Nullable;

/**
 * Which build is meant, on {@link Subjects#status()} and {@link Subjects#cancel()}: one of id and
 * key.
 *
 * @param id a build's id
 * @param key {@code sha256:…}, a build key; for the build of it that was begun last
 * @param reply status only: without it the {@link BuildStatus} of now; {@link ReplyMode#FINAL} for
 *     the one of the end, when that comes; {@link ReplyMode#STREAM} for each change until the end
 */
@JsonInclude(JsonInclude.Include.NON_NULL)
public record StatusRequest(@Nullable String id, @Nullable String key, @Nullable ReplyMode reply) {
  private static final Pattern KEY = Pattern.compile("sha256:[0-9a-f]{64}");

  /** Checks that exactly one is named. */
  public StatusRequest {
    if ((id == null) == (key == null)) {
      throw new IllegalArgumentException("id, key: give one of them");
    }
    if (id != null && !Subjects.isBuildId(id)) {
      throw new IllegalArgumentException("id: not 16 to 32 letters and digits");
    }
    if (key != null && !KEY.matcher(key).matches()) {
      throw new IllegalArgumentException("key: not sha256: and 64 hexadecimal digits");
    }
    if (reply == ReplyMode.ACCEPTED) {
      throw new IllegalArgumentException("reply: leave it out for the status of now");
    }
  }
}
