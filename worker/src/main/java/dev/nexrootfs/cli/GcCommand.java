package dev.nexrootfs.cli;

import dev.nexrootfs.service.PoolSetup;
import dev.nexrootfs.service.QueuedInputs;
import dev.nexrootfs.store.BucketSweep;
import dev.nexrootfs.store.Leases;
import dev.nexrootfs.store.StoreException;
import io.nats.client.Connection;
import io.nats.client.JetStreamApiException;
import io.nats.client.KeyValue;
import io.nats.client.api.KeyValueEntry;
import java.io.IOException;
import java.io.PrintWriter;
import java.io.UncheckedIOException;
import java.time.Duration;
import java.time.Instant;
import java.util.ArrayList;
import java.util.Collection;
import java.util.Collections;
import java.util.EnumMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.OptionalInt;
import java.util.Set;
import java.util.concurrent.Callable;
import java.util.concurrent.Executors;
import java.util.concurrent.ScheduledExecutorService;
import java.util.concurrent.TimeUnit;
import java.util.function.Predicate;
import java.util.regex.Pattern;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.Spec;

/** {@code nex-rootfs gc}: makes room in the bucket of images. */
@Command(
    name = "gc",
    mixinStandardHelpOptions = true,
    sortOptions = false,
    description = {
      "Deletes images that are too old or too many, and what cut-off uploads have left.",
      "The oldest go first. What a link leads to, what is read or built just now, what was asked for",
      "lately, and what is younger than --min-age stays.",
      "With --bucket NEXINPUTS the files that request has put there: what a waiting job names stays,",
      "and what somebody has given a name."
    })
final class GcCommand implements Callable<Integer> {
  /** What {@code request} calls the files that it puts into the inputs bucket. */
  private static final Pattern INPUT = Pattern.compile("sha256-[0-9a-f]{64}");

  /** More than a hundred years. */
  private static final long MAX_HOURS = 1_000_000;

  private static final Pattern IMAGE = Pattern.compile("build_[0-9a-f]{64}");

  @Mixin private NatsFlags nats = new NatsFlags();
  @Mixin private ImageBucketFlag imageBucket = new ImageBucketFlag();
  @Mixin private PoolFlags pool = new PoolFlags();
  @Spec private CommandSpec spec = CommandSpec.create();

  @Option(
      names = "--max-bytes",
      paramLabel = "BYTES",
      converter = ByteCount.class,
      defaultValue = "-1",
      description = "bytes of images that may stay, as 20GiB (default: no limit)")
  private long maxBytes;

  @Option(
      names = "--max-age",
      paramLabel = "HOURS",
      defaultValue = "-1",
      description = "age that an image may have, hours (default: no limit)")
  private long maxAgeHours;

  @Option(
      names = "--min-age",
      paramLabel = "MINUTES",
      defaultValue = "60",
      description =
          "what is younger stays; longer than an upload takes (default: ${DEFAULT-VALUE})")
  private long minAgeMinutes;

  @Option(
      names = "--used-within",
      paramLabel = "HOURS",
      defaultValue = "24",
      description =
          "what a request was answered with within that time stays, at most 24 (default: ${DEFAULT-VALUE})")
  private long usedWithinHours;

  @Option(names = "--dry-run", description = "say what would go, and touch nothing")
  private boolean dryRun;

  @Option(
      names = "--mirror",
      description = {
        "the bucket is a site's mirror: only what has left the bucket itself goes, once the mirror has",
        "something that was stored or deleted --min-age later; the other limits do not count"
      })
  private boolean mirror;

  @Override
  public Integer call() throws IOException, CommandFailure, InterruptedException {
    check();
    PrintWriter out = spec.commandLine().getOut();
    ScheduledExecutorService renewals = Executors.newSingleThreadScheduledExecutor();
    try (NatsSession session = NatsConnector.connect(NatsSettings.of(nats), "nex-rootfs gc")) {
      Connection connection = session.connection();
      if (!mirror
          && new PoolSetup(connection, OptionalInt.empty(), false).isMirror(imageBucket.name)) {
        throw CommandFailure.usage(
            "the bucket " + imageBucket.name + " is a mirror here; give --mirror", null);
      }
      BucketSweep sweep = new BucketSweep(connection, imageBucket.name);
      Predicate<String> needed = needed(connection, renewals);
      BucketSweep.Found found = sweep.find(policy(), needed);
      List<BucketSweep.Reason> kept = new ArrayList<>(found.kept().values());
      long bytes = 0;
      int count = 0;
      for (BucketSweep.Candidate candidate : found.candidates()) {
        if (!dryRun && !sweep.delete(candidate, needed)) {
          kept.add(BucketSweep.Reason.HELD);
          continue;
        }
        bytes += candidate.bytes();
        count++;
        out.println(
            (dryRun ? "would delete " : "deleted ")
                + (candidate.isOrphan() ? "chunks " + candidate.nuid() : candidate.object())
                + ", "
                + candidate.bytes()
                + " bytes of "
                + candidate.stored());
      }
      out.println(count + " in all, " + ByteCount.text(bytes));
      explain(out, kept);
      out.flush();
      return 0;
    } catch (PoolSetup.RefusedException e) {
      throw new CommandFailure("JetStream refuses " + e.getMessage(), e);
    } catch (UncheckedIOException e) {
      throw e.getCause();
    } finally {
      renewals.shutdownNow();
    }
  }

  private void check() throws CommandFailure {
    if (maxBytes < -1) {
      throw CommandFailure.usage("--max-bytes " + maxBytes + " is no size; -1 is no limit", null);
    }
    if (maxAgeHours < -1 || maxAgeHours > MAX_HOURS) {
      throw CommandFailure.usage(
          "--max-age " + maxAgeHours + " is no number of hours; -1 is no limit", null);
    }
    if (minAgeMinutes < 0 || minAgeMinutes > MAX_HOURS) {
      throw CommandFailure.usage("--min-age " + minAgeMinutes + " is no number of minutes", null);
    }
    if (usedWithinHours < 0 || usedWithinHours > 24) {
      throw CommandFailure.usage("--used-within " + usedWithinHours + " is not 0 to 24", null);
    }
  }

  /** Why the limits are not met, and what to do where more has to go. */
  private void explain(PrintWriter out, Collection<BucketSweep.Reason> kept) {
    Map<BucketSweep.Reason, String> words = new EnumMap<>(BucketSweep.Reason.class);
    words.put(
        BucketSweep.Reason.LINKED,
        "named by a link (nats object rm " + imageBucket.name + " NAME lets go of a name)");
    words.put(BucketSweep.Reason.YOUNG, "younger than --min-age " + minAgeMinutes + " minutes");
    words.put(BucketSweep.Reason.READ, "being read");
    words.put(
        BucketSweep.Reason.HELD,
        "being built, named by a waiting job, asked for within --used-within "
            + usedWithinHours
            + " hours, or called so by somebody (nats object rm)");
    words.forEach(
        (reason, text) -> {
          int count = Collections.frequency(kept, reason);
          if (count > 0) {
            out.println("  " + count + (count == 1 ? " more stays: " : " more stay: ") + text);
          }
        });
  }

  private BucketSweep.Policy policy() {
    Duration young = Duration.ofMinutes(minAgeMinutes);
    // Of a mirror: a name that was deleted lies there as deleted; its chunks are like those of no
    // object.
    return mirror
        ? BucketSweep.Policy.ofMirror(young)
        : new BucketSweep.Policy(
            maxBytes,
            maxAgeHours < 0 ? Optional.empty() : Optional.of(Duration.ofHours(maxAgeHours)),
            young,
            false);
  }

  /** Whether somebody needs an object, as it is when it is asked. */
  private Predicate<String> needed(Connection connection, ScheduledExecutorService renewals)
      throws IOException {
    if (mirror) {
      return object -> true;
    }
    Leases leases = new Leases(connection, pool.leases, "gc", renewals);
    KeyValue records = connection.keyValue(pool.records);
    Instant begun = Instant.now();
    Instant asked = begun.minus(Duration.ofHours(usedWithinHours));
    // What is asked for from now on stays in any case: its requester is being told of it.
    Instant recent = usedWithinHours == 0 ? begun : asked;
    NamedInputs inputs = new NamedInputs(connection, pool.stream, imageBucket.name);
    return object -> isNeeded(object, inputs, leases, records, recent);
  }

  /** The inputs that jobs name, looked for again after a second. */
  private static final class NamedInputs {
    private final Connection connection;
    private final String stream;
    private final String bucket;
    private Set<String> names = Set.of();
    private long until = System.nanoTime();

    NamedInputs(Connection connection, String stream, String bucket) {
      this.connection = connection;
      this.stream = stream;
      this.bucket = bucket;
    }

    boolean contains(String object) throws IOException {
      if (System.nanoTime() - until >= 0) {
        names = QueuedInputs.of(connection, stream, bucket);
        until = System.nanoTime() + TimeUnit.SECONDS.toNanos(1);
      }
      return names.contains(object);
    }
  }

  /** What has a name of its own, from whoever put it there, is theirs to delete. */
  private static boolean isNeeded(
      String object, NamedInputs inputs, Leases leases, KeyValue records, Instant recent) {
    boolean isInput = INPUT.matcher(object).matches();
    if (!isInput && !IMAGE.matcher(object).matches()) {
      return true;
    }
    try {
      if (isInput) {
        return inputs.contains(object);
      }
      if (leases.isHeld("build." + object)) {
        return true;
      }
      KeyValueEntry used = records.get("used." + object);
      return used != null && used.getCreated().toInstant().isAfter(recent);
    } catch (StoreException e) {
      throw new UncheckedIOException(e);
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    } catch (JetStreamApiException e) {
      throw new UncheckedIOException(new IOException(e.getMessage(), e));
    }
  }
}
