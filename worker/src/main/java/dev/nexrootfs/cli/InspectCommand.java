package dev.nexrootfs.cli;

import dev.nexrootfs.build.SparseFile;
import dev.nexrootfs.ext4.read.Ext4Reader;
import dev.nexrootfs.ext4.read.Ext4Verifier;
import dev.nexrootfs.ext4.read.Finding;
import dev.nexrootfs.ext4.read.ImageFile;
import dev.nexrootfs.ext4.read.StoredInode;
import dev.nexrootfs.ext4.read.UnreadableImageException;
import dev.nexrootfs.layer.DecodedLayer;
import dev.nexrootfs.layer.LayerMerge;
import dev.nexrootfs.tar.TarWriter;
import dev.nexrootfs.tree.Content;
import dev.nexrootfs.tree.FileTree;
import dev.nexrootfs.tree.Node;
import dev.nexrootfs.tree.RegularFile;
import dev.nexrootfs.tree.TreePath;
import java.io.BufferedOutputStream;
import java.io.ByteArrayOutputStream;
import java.io.FileDescriptor;
import java.io.FileOutputStream;
import java.io.IOException;
import java.io.OutputStream;
import java.io.PrintWriter;
import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Optional;
import java.util.concurrent.Callable;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.Parameters;
import picocli.CommandLine.Spec;

/** {@code nex-rootfs inspect}: what is in an image, without mounting it. */
@Command(
    name = "inspect",
    mixinStandardHelpOptions = true,
    sortOptions = false,
    description = {
      "Shows what is in an ext4 image, or, by --image, in a base image.",
      "An ext4 image is neither mounted nor is root needed; of a base image, the manifest and the layers",
      "are shown, and with a PATH the tree that they merge to.",
      "",
      "Without PATH: the superblock. With a directory: a list of all below it, as ls -lnR gives it.",
      "With a file: its bytes. Links in PATH are followed inside the image, but for the last name."
    },
    footer = {
      "",
      "A name that is not UTF-8 is shown and taken with \\xNN for its bytes.",
      "",
      "  nex-rootfs inspect rootfs.ext4 --verify",
      "  nex-rootfs inspect rootfs.ext4 /etc/inittab",
      "  nex-rootfs inspect rootfs.ext4 /etc --tar - | tar tv",
      "  nex-rootfs inspect --image alpine:3.22 /etc"
    })
final class InspectCommand implements Callable<Integer> {
  private static final int MAX_NAMES = 5_000_000;
  private static final long BYTES_PER_NAME = 768;
  private static final int BUFFER_BYTES = 1 << 16;
  private static final int S_IFMT = 0xf000;
  private static final int S_IFBLK = 0x6000;

  @Spec private CommandSpec spec = CommandSpec.create();

  @Mixin private LocalImages baseImages = new LocalImages();

  @Parameters(
      index = "0",
      paramLabel = "IMAGE",
      arity = "0..1",
      description = "the image: a file or a block device; with --image, the PATH")
  private @Nullable Path given;

  @Option(
      names = "--image",
      paramLabel = "REF",
      description = {
        "a base image instead: [registry/]name[:tag][@digest], oci:DIR[:tag],",
        "oci-archive:FILE, docker-archive:FILE"
      })
  private @Nullable String baseImage;

  private Path image = Path.of("");

  @Parameters(index = "1", paramLabel = "PATH", arity = "0..1", description = "a path in the image")
  private @Nullable String path;

  @Option(
      names = "--verify",
      description = {
        "check all metadata, and that free blocks are zero;",
        "each finding is a line, any makes the exit status 1"
      })
  private boolean verify;

  @Option(
      names = "--max-findings",
      paramLabel = "COUNT",
      defaultValue = "100",
      description = "where --verify ends (default: ${DEFAULT-VALUE})")
  private int maxFindings = 100;

  @Option(
      names = "--tar",
      paramLabel = "FILE",
      description = {
        "write the tree, or the one at PATH, as a PAX archive",
        "with everything in it; - is standard output"
      })
  private @Nullable String tar;

  @Override
  public Integer call() throws IOException, CommandFailure {
    if (maxFindings < 1) {
      throw new picocli.CommandLine.ParameterException(
          spec.commandLine(), "--max-findings " + maxFindings + " is not at least 1");
    }
    if (baseImage != null) {
      return inspectBase(baseImage);
    }
    if (given == null) {
      throw new picocli.CommandLine.ParameterException(
          spec.commandLine(), "give the path of an ext4 IMAGE, or --image REF");
    }
    image = given;
    if (!Files.exists(image)) {
      throw new CommandFailure(image + ": there is no such file; give the path of an image");
    }
    if (Files.isDirectory(image)) {
      throw new CommandFailure(image + ": is a directory; give the path of an image");
    }
    if (!Files.isRegularFile(image) && !isBlockDevice(image)) {
      throw new CommandFailure(
          image + ": is no file and no block device; give the path of an image");
    }
    try (ImageFile source = ImageFile.open(image)) {
      return inspect(source);
    } catch (UnreadableImageException e) {
      // Of a superblock that cannot be used nothing else can be said.
      String next =
          verify || e.finding().where().equals("superblock")
              ? ""
              : "; nex-rootfs inspect --verify lists all that is wrong";
      throw new CommandFailure(image + ": " + e.getMessage() + next, e);
    }
  }

  /** By the file type of st_mode, inode(7); the JDK knows no more than "other". */
  private static boolean isBlockDevice(Path file) throws IOException {
    return ((int) Files.getAttribute(file, "unix:mode") & S_IFMT) == S_IFBLK;
  }

  private int inspectBase(String reference) throws IOException, CommandFailure {
    if (verify || path != null) {
      throw new picocli.CommandLine.ParameterException(
          spec.commandLine(), "--image takes one PATH and no --verify");
    }
    PrintWriter out = spec.commandLine().getOut();
    baseImages.use(
        reference,
        spec.commandLine().getErr(),
        (base, layers) -> {
          if (given == null && tar == null) {
            LocalImages.describe(out, base, layers);
            return;
          }
          LayerMerge merge = new LayerMerge();
          for (DecodedLayer layer : layers) {
            merge.add(layer);
          }
          showMerged(merge.tree(), given == null ? "/" : given.toString());
        });
    out.flush();
    return 0;
  }

  private void showMerged(FileTree tree, String wanted) throws IOException, CommandFailure {
    if (tar != null) {
      if (!wanted.equals("/")) {
        throw CommandFailure.usage(
            "--tar with --image writes the whole tree; leave out " + wanted, null);
      }
      writeTar(tree, tar);
      return;
    }
    TreePath parsed = TreePath.of(wanted);
    Node node =
        tree.find(parsed).orElseThrow(() -> new CommandFailure("the image has no " + wanted));
    if (node instanceof RegularFile file) {
      copy(file.content());
    } else {
      new TreeListing(spec.commandLine().getOut()).list(tree.root(), node, parsed.toString());
    }
  }

  private int inspect(ImageFile source) throws IOException, CommandFailure {
    Ext4Reader reader = Ext4Reader.open(source);
    if (reader.needsRecovery()) {
      warn("the journal was not replayed: what is shown may be older than what a mount shows");
    }
    PrintWriter out = spec.commandLine().getOut();
    if (tar != null) {
      export(reader, tar);
    } else if (path == null) {
      reader.describe().forEach(out::println);
    } else {
      show(reader, out, path);
    }
    out.flush();
    return verify ? verify(source, out) : 0;
  }

  private int verify(ImageFile source, PrintWriter out) throws IOException {
    List<Finding> findings = Ext4Verifier.verify(source, maxFindings);
    // What --tar - and a file's bytes go to stays clean.
    PrintWriter to = tar != null || path != null ? spec.commandLine().getErr() : out;
    findings.forEach(to::println);
    if (findings.isEmpty()) {
      to.println("verified   nothing found");
    } else {
      String more = findings.size() == maxFindings ? " or more; --max-findings shows more" : "";
      to.println("verified   " + findings.size() + " found" + more);
    }
    to.flush();
    return findings.isEmpty() ? 0 : 1;
  }

  private void show(Ext4Reader reader, PrintWriter out, String wanted)
      throws IOException, CommandFailure {
    TreePath parsed = resolve(reader, wanted);
    StoredInode inode = find(reader, parsed);
    if (inode.type() != StoredInode.Type.REGULAR) {
      new LongListing(reader, out, maxNames()).list(inode, parsed);
      return;
    }
    copy(reader.content(inode));
  }

  private static void copy(Content content) throws IOException {
    byte[] buffer = new byte[BUFFER_BYTES];
    try (OutputStream bytes = standardOutput()) {
      for (long at = 0; at < content.size(); at += buffer.length) {
        int length = (int) Math.min(buffer.length, content.size() - at);
        content.read(at, ByteBuffer.wrap(buffer, 0, length));
        bytes.write(buffer, 0, length);
      }
    }
  }

  private void export(Ext4Reader reader, String target) throws IOException, CommandFailure {
    TreePath top = path == null ? TreePath.ROOT : resolve(reader, path);
    StoredInode inode = find(reader, top);
    if (inode.type() != StoredInode.Type.DIRECTORY) {
      throw new CommandFailure(
          image + ": " + top + " is no directory; without --tar its bytes are printed");
    }
    writeTar(reader.tree(inode, maxNames(), line -> warn(line + "; it is left out")), target);
  }

  private static void writeTar(FileTree tree, String target) throws IOException {
    if (target.equals("-")) {
      try (OutputStream out = standardOutput()) {
        TarWriter.write(tree, out);
      }
      return;
    }
    try (SparseFile out = new SparseFile(Path.of(target))) {
      TarWriter.write(tree, out);
      out.commit();
    }
  }

  private StoredInode find(Ext4Reader reader, TreePath wanted) throws IOException, CommandFailure {
    Optional<StoredInode> found = reader.find(wanted);
    if (found.isEmpty()) {
      throw new CommandFailure(
          image + ": there is no " + wanted + "; nex-rootfs inspect " + image + " / lists all");
    }
    return found.get();
  }

  /** The path as it stands; else, where that is none of the image, with {@code \\xNN} as bytes. */
  private static TreePath resolve(Ext4Reader reader, String text)
      throws IOException, CommandFailure {
    try {
      TreePath literal = TreePath.of(text);
      boolean isThere = !text.contains("\\x") || reader.find(literal).isPresent();
      return isThere ? literal : TreePath.parse(unescaped(text));
    } catch (IllegalArgumentException e) {
      throw CommandFailure.usage("PATH " + text + ": " + e.getMessage(), e);
    }
  }

  /** The bytes of a name as it is shown: {@code \xNN} is a byte. */
  private static byte[] unescaped(String text) {
    byte[] in = text.getBytes(StandardCharsets.UTF_8);
    ByteArrayOutputStream out = new ByteArrayOutputStream();
    int at = 0;
    while (at < in.length) {
      boolean isEscape =
          in.length - at >= 4
              && in[at] == '\\'
              && in[at + 1] == 'x'
              && Character.digit(in[at + 2], 16) >= 0
              && Character.digit(in[at + 3], 16) >= 0;
      if (isEscape) {
        out.write(Character.digit(in[at + 2], 16) << 4 | Character.digit(in[at + 3], 16));
        at += 4;
      } else {
        out.write(in[at++]);
      }
    }
    return out.toByteArray();
  }

  private void warn(String text) {
    spec.commandLine().getErr().println("nex-rootfs: warning: " + image + ": " + text);
    spec.commandLine().getErr().flush();
  }

  private static long maxNames() {
    return Math.min(MAX_NAMES, Runtime.getRuntime().maxMemory() / BYTES_PER_NAME);
  }

  /** Unlike System.out, it says when a reader has gone. */
  private static OutputStream standardOutput() {
    return new BufferedOutputStream(new FileOutputStream(FileDescriptor.out), BUFFER_BYTES);
  }
}
