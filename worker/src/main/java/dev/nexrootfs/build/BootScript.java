package dev.nexrootfs.build;

import dev.nexrootfs.layer.SpooledInput;
import dev.nexrootfs.oci.Digest;
import dev.nexrootfs.protocol.BuildRequest;
import dev.nexrootfs.protocol.ErrorCode;
import dev.nexrootfs.protocol.RequestException;
import dev.nexrootfs.tree.ByteContent;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.util.Arrays;
import java.util.Optional;

/**
 * The program that a guest runs once, at its first boot, before the agent.
 *
 * @param content its bytes; one without an interpreter line is a shell's
 * @param digest their digest
 */
record BootScript(ByteContent content, Digest digest) {
  /** Where the script itself is. */
  static final String PATH = "/usr/local/lib/nex-rootfs/boot-script";

  /**
   * What the guest's init starts at every boot; it runs the script where that has not ended yet.
   */
  static final String RUNNER = "/usr/local/lib/nex-rootfs/first-boot";

  /** Holds the script's exit status once it has ended. */
  static final String DONE = "/var/lib/nex-rootfs/boot-script.done";

  private static final int MAX_BYTES = 1 << 20;
  private static final byte[] INTERPRETER_LINE = {'#', '!'};
  private static final byte[] ELF = {0x7F, 'E', 'L', 'F'};

  /**
   * A script that lost its power in the middle runs again; one that failed does not, for what it
   * did is still there.
   */
  private static final String RUNNER_TEXT =
      """
      #!/bin/sh
      # Runs the boot script of this image once: to its end, whatever that is.
      script=/usr/local/lib/nex-rootfs/boot-script
      done=/var/lib/nex-rootfs/boot-script.done
      log=/var/log/nex-boot-script.log

      [ -e "$done" ] && exit 0
      mkdir -p /var/lib/nex-rootfs /var/log
      PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin
      HOME=/root
      export PATH HOME
      cd /
      status=0
      "$script" </dev/null >>"$log" 2>&1 || status=$?
      [ "$status" = 0 ] || echo "nex-rootfs: the boot script failed with status $status, see $log" >&2
      echo "$status" >"$done.new"
      sync
      mv "$done.new" "$done"
      sync
      exit "$status"
      """;

  /** The script that {@code request} has, where it has one. */
  static Optional<BootScript> of(BuildRequest request, Inputs inputs, InputLog log)
      throws IOException, RequestException {
    String script = request.bootScript();
    if (script == null) {
      return Optional.empty();
    }
    if (BuildRequest.isInline(script)) {
      return Optional.of(inline(script.getBytes(StandardCharsets.UTF_8)));
    }
    try (SpooledInput spooled = inputs.spool("bootScript", script, log)) {
      if (spooled.size() > MAX_BYTES) {
        throw new RequestException(
            ErrorCode.INVALID_FIELD,
            "bootScript: "
                + spooled.size()
                + " bytes; at most "
                + MAX_BYTES
                + ", put the rest into \"files\"");
      }
      ByteBuffer bytes = ByteBuffer.allocate((int) spooled.size());
      spooled.content().read(0, bytes);
      return Optional.of(inline(bytes.array()));
    }
  }

  /** A script of {@code bytes}. */
  static BootScript inline(byte[] bytes) {
    boolean complete = startsWith(bytes, INTERPRETER_LINE) || startsWith(bytes, ELF);
    byte[] shell = "#!/bin/sh\n".getBytes(StandardCharsets.US_ASCII);
    byte[] whole =
        complete
            ? bytes
            : ByteBuffer.allocate(shell.length + bytes.length).put(shell).put(bytes).array();
    return new BootScript(new ByteContent(whole), Digest.sha256(whole));
  }

  private static boolean startsWith(byte[] bytes, byte[] expected) {
    return bytes.length >= expected.length
        && Arrays.equals(bytes, 0, expected.length, expected, 0, expected.length);
  }

  /** Adds the script and what runs it; that somebody starts it is the init's part. */
  void addTo(GuestOverlay overlay) throws IOException {
    overlay.replace(PATH, 0755, 0, content);
    overlay.replace(RUNNER, 0755, 0, ByteContent.of(RUNNER_TEXT));
  }
}
