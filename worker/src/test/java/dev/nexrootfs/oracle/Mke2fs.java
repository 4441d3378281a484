package dev.nexrootfs.oracle;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;

/** Images that mke2fs of e2fsprogs makes of a directory of this machine. */
public final class Mke2fs {
  private Mke2fs() {}

  /** Writes an image of {@code source} to {@code image}, with further {@code flags}. */
  public static void write(Path source, Path image, String size, String... flags) {
    List<Object> command =
        new ArrayList<>(List.of(program(), "-q", "-F", "-t", "ext4", "-d", source));
    command.addAll(List.of(flags));
    command.addAll(List.of(image, size));
    Command.of(command.toArray()).timeout(300).run().orThrow();
  }

  /** The current mke2fs, where it was fetched: older ones write times after 2038 as before 1970. */
  private static String program() {
    return Command.exists("mke2fs-current") ? "mke2fs-current" : "mke2fs";
  }

  /** Has e2fsck index the directories of {@code image}: those of more than a few blocks. */
  public static void index(Path image) {
    Command.Result result = Command.of("e2fsck", "-f", "-y", "-D", image).timeout(300).run();
    if (result.exit() > 1) {
      throw new AssertionError("e2fsck -fyD exited " + result.exit() + ":\n" + result.output());
    }
  }

  /** Fills {@code directory} with a file of every type, and with names enough for an index. */
  public static void fill(Path directory, int names) throws IOException {
    Files.createDirectories(directory);
    String script =
        """
        set -e
        cd "$0"
        printf hello > small; : > empty
        head -c 300000 /dev/urandom > large
        truncate -s 3000000 sparse
        printf data | dd of=sparse bs=1 seek=1500000 conv=notrunc status=none
        ln -s small short-link
        ln -s "$(printf %0200d 0)" long-link
        ln -s "$(printf %059d 0)" link59; ln -s "$(printf %060d 0)" link60
        ln small hard-link
        mkfifo fifo; mknod char c 1 3; mknod block b 8 17
        mknod char-new c 300 70000; mknod block-new b 259 1048575
        mkdir -p deep/er/still; printf x > deep/er/still/file
        chown 70000:80000 large; chmod 4755 small; chmod 1777 deep; chmod 2750 deep/er
        touch -d '1969-12-31 23:00:00 UTC' empty; touch -d '2100-01-01 UTC' large
        printf x > "$(printf '\\377\\001\\200')"
        setfattr -n user.one -v 1 small; setfattr -n user.empty small
        setfattr -n trusted.t -v tee deep
        printf x > attributes
        for i in b a ccc bb aaaa; do
          setfattr -n user.$i -v "$(head -c 150 /dev/zero | tr '\\0' "${i%${i#?}}")" attributes
        done
        printf x > acl; setfacl -m u:1234:r,g:5678:rw acl; setfacl -d -m u:99:rwx deep/er
        mkdir many
        i=0; while [ $i -lt $1 ]; do : > many/name-$i; i=$((i+1)); done
        for i in 1 2 3 4 5 6 7 8 9; do : > "many/$(printf '\\344\\366\\374')$i"; done
        """;
    Command.of("sh", "-c", script, directory, names).timeout(300).run().orThrow();
  }
}
