package dev.nexrootfs.cli;

import dev.nexrootfs.build.Failures;
import java.io.IOException;
import java.io.PrintWriter;
import java.nio.charset.Charset;
import java.util.List;
import java.util.concurrent.Callable;
import picocli.CommandLine;
import picocli.CommandLine.Command;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.ParameterException;
import picocli.CommandLine.Spec;

/**
 * The command {@code nex-rootfs}. Exits 0 when all went well, 1 on a failure, 2 where the command
 * line is wrong; {@code fetch} and {@code preflight} tell failures apart, see {@link ExitStatus}.
 */
@Command(
    name = "nex-rootfs",
    mixinStandardHelpOptions = true,
    versionProvider = Version.class,
    description = "Makes the ext4 root file systems that Nex boots its VMs from.",
    synopsisSubcommandLabel = "COMMAND",
    footer = {
      "",
      "A first session, with a NATS server that has JetStream on 127.0.0.1:4222:",
      "  nex-rootfs setup                     make the buckets",
      "  nex-rootfs worker &                  serve build requests",
      "  nex-rootfs request --agent nex-agent --image alpine:3.22 --output rootfs.ext4"
    })
public final class NexRootfs implements Callable<Integer> {
  /** The environment variable by which logback.xml chooses an encoder. */
  private static final String LOG_FORMAT = "NEX_ROOTFS_LOG_FORMAT";

  /** What the JVM makes of a byte of an argument that means nothing in the locale. */
  private static final char REPLACEMENT = '\uFFFD';

  private static final List<Class<?>> COMMANDS =
      List.of(
          WorkerCommand.class,
          RequestCommand.class,
          FetchCommand.class,
          PreflightCommand.class,
          BuildCommand.class,
          PullCommand.class,
          InspectCommand.class,
          SetupCommand.class,
          GcCommand.class);

  @Spec private CommandSpec spec;

  private NexRootfs() {
    spec = CommandSpec.create();
  }

  /** Runs the command line and exits. */
  public static void main(String[] arguments) {
    boolean worker = arguments.length > 0 && arguments[0].equals("worker");
    if (System.getProperty("nex-rootfs.log") == null) {
      // A worker tells what it does; the other commands only what goes wrong.
      System.setProperty("nex-rootfs.log", worker ? "INFO" : "WARN");
    }
    String format = System.getenv(LOG_FORMAT);
    if (format != null && !format.equals("text") && !format.equals("json")) {
      System.err.println("nex-rootfs: " + LOG_FORMAT + "=" + format + " is not text or json");
      System.exit(2);
    }
    for (int i = 0; i < arguments.length; i++) {
      if (arguments[i].indexOf(REPLACEMENT) >= 0) {
        // Not the argument itself: it can be a password.
        System.err.println(
            "nex-rootfs: argument "
                + (i + 1)
                + " has bytes that are no characters in this locale; set LC_ALL=C.UTF-8");
        System.exit(2);
      }
    }
    int status = 1;
    try {
      status = run(arguments);
    } catch (OutOfMemoryError e) {
      System.err.println("nex-rootfs: out of memory; give it more, as NEX_ROOTFS_JAVA_OPTS=-Xmx1g");
    } finally {
      // The NATS client's threads would keep the program alive after a fault.
      System.exit(status);
    }
  }

  /** Runs the command line; the exit status. */
  static int run(String... arguments) {
    CommandLine line = new CommandLine(new NexRootfs());
    commands(arguments).forEach(line::addSubcommand);
    // One for all commands, and over the stream itself: only so it is asked for its faults.
    line.setOut(new PrintWriter(System.out, true, Charset.defaultCharset()))
        .setExecutionExceptionHandler(NexRootfs::report)
        .setParameterExceptionHandler(NexRootfs::reportUsage)
        .setCaseInsensitiveEnumValuesAllowed(true);
    int status = line.execute(arguments);
    // A PrintWriter keeps its faults to itself; output that was lost is no success.
    if (status == 0 && line.getOut().checkError()) {
      line.getErr().println("nex-rootfs: standard output cannot be written");
      return 1;
    }
    return status;
  }

  /** The command that is asked for, else all: to read the flags of each takes half of a start. */
  private static List<Class<?>> commands(String... arguments) {
    List<Class<?>> wanted =
        COMMANDS.stream()
            .filter(
                command ->
                    arguments.length > 0
                        && command.getAnnotation(Command.class).name().equals(arguments[0]))
            .toList();
    return wanted.isEmpty() ? COMMANDS : wanted;
  }

  @Override
  public Integer call() {
    throw new ParameterException(spec.commandLine(), "a command is missing");
  }

  /** One line, as of every other failure; the whole help would push it off the screen. */
  private static int reportUsage(ParameterException e, String... arguments) {
    CommandLine line = e.getCommandLine();
    String command = line.getCommandSpec().qualifiedName();
    if (arguments.length == 0) {
      line.usage(line.getErr());
    } else {
      line.getErr().println("nex-rootfs: " + e.getMessage() + "; see " + command + " --help");
    }
    return line.getCommandSpec().exitCodeOnInvalidInput();
  }

  private static int report(Exception e, CommandLine line, CommandLine.ParseResult result) {
    if (e instanceof CommandFailure failure) {
      line.getErr().println("nex-rootfs: " + e.getMessage());
      return failure.status();
    } else if (e instanceof IOException) {
      line.getErr().println("nex-rootfs: " + NatsSettings.withoutSecrets(Failures.message(e)));
    } else {
      line.getErr().println("nex-rootfs: a fault of the program; please report it");
      e.printStackTrace(line.getErr());
    }
    return 1;
  }
}
