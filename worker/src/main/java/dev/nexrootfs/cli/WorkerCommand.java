package dev.nexrootfs.cli;

import dev.nexrootfs.build.BucketInputs;
import dev.nexrootfs.build.Inputs;
import dev.nexrootfs.build.PathPolicy;
import dev.nexrootfs.build.RegistryImages;
import dev.nexrootfs.build.RootfsBuild;
import dev.nexrootfs.layer.BlobCache;
import dev.nexrootfs.layer.CacheDirectory;
import dev.nexrootfs.layer.LayerCache;
import dev.nexrootfs.registry.Registries;
import dev.nexrootfs.registry.RegistryPolicy;
import dev.nexrootfs.service.BuildService;
import dev.nexrootfs.service.PoolSettings;
import dev.nexrootfs.service.ServiceSettings;
import dev.nexrootfs.store.Buckets;
import dev.nexrootfs.store.Denial;
import dev.nexrootfs.store.StoreException;
import io.nats.client.Connection;
import io.nats.client.ConnectionListener;
import io.nats.client.JetStreamApiException;
import io.nats.client.NUID;
import java.io.IOException;
import java.net.InetSocketAddress;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.concurrent.Callable;
import java.util.concurrent.CountDownLatch;
import java.util.regex.Pattern;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Option;

/** {@code nex-rootfs worker}: serves until it is told to stop. */
@Command(
    name = "worker",
    mixinStandardHelpOptions = true,
    sortOptions = false,
    description =
        "Serves build requests in the queue group nex-rootfs until SIGTERM; then ends the builds that run.")
final class WorkerCommand implements Callable<Integer> {
  private static final Logger LOG = LoggerFactory.getLogger(WorkerCommand.class);

  private static final Pattern NAME = Pattern.compile("[A-Za-z0-9_.-]{1,128}");

  private final CountDownLatch stop = new CountDownLatch(1);
  private final CountDownLatch ended = new CountDownLatch(1);
  private volatile int status = 1;
  private volatile boolean isClosed;

  @Mixin private NatsFlags nats = new NatsFlags();
  @Mixin private BucketFlags buckets = new BucketFlags();
  @Mixin private ImageBucketFlag imageBucket = new ImageBucketFlag();
  @Mixin private CacheFlags cacheFlags = new CacheFlags();
  @Mixin private RegistryFlags registryFlags = new RegistryFlags();
  @Mixin private PoolFlags pool = new PoolFlags();
  @Mixin private ScriptFlags scripts = new ScriptFlags();

  @Option(
      names = "--store-context",
      paramLabel = "NAME",
      description = {
        "NATS context with the identity that stores images;",
        "the other connection then needs no right to JetStream (default: the same identity)"
      })
  private @Nullable String storeContext;

  @Option(
      names = "--name",
      description = "the worker's name in replies and events (default: a new one)")
  private @Nullable String name;

  @Option(
      names = "--slots",
      defaultValue = "1",
      description = "builds at once (default: ${DEFAULT-VALUE})")
  private int slots;

  @Option(
      names = "--namespace-queue",
      paramLabel = "N",
      defaultValue = "" + PoolSettings.QUEUED_PER_NAMESPACE,
      description =
          "builds that a namespace may have waiting in the whole pool; more are told to come back (default: ${DEFAULT-VALUE})")
  private long namespaceQueue;

  @Option(
      names = "--namespace-builds",
      paramLabel = "N",
      defaultValue = "-1",
      description = {
        "builds that a namespace may have running in the whole pool, the same for every",
        "worker; -1 for no limit (default: ${DEFAULT-VALUE})"
      })
  private long namespaceBuilds;

  @Option(
      names = "--max-build-seconds",
      paramLabel = "SECONDS",
      defaultValue = "3600",
      description = "how long a build may take, up to 7200 (default: ${DEFAULT-VALUE})")
  private int maxBuildSeconds;

  @Option(
      names = "--max-size",
      paramLabel = "BYTES",
      converter = ByteCount.class,
      defaultValue = "64GiB",
      description = "largest image that is built (default: ${DEFAULT-VALUE})")
  private long maxSize;

  @Option(
      names = "--grace",
      paramLabel = "SECONDS",
      defaultValue = "120",
      description = "how long builds may still run after SIGTERM (default: ${DEFAULT-VALUE})")
  private int graceSeconds;

  @Option(
      names = "--allow-path",
      paramLabel = "DIR",
      description =
          "requests may name files below DIR on this machine; can be given again (default: none)")
  private List<Path> allowedPaths = List.of();

  @Option(
      names = "--allow-registry",
      paramLabel = "HOST[/PATH]",
      description = {
        "requests may name images of this registry, or of its repositories below PATH, and",
        "https:// files of this host; can be given again (default: every host that is",
        "public or in --registries)"
      })
  private List<String> allowedRegistries = List.of();

  @Option(
      names = "--allow-bucket",
      converter = BucketName.class,
      paramLabel = "BUCKET",
      description =
          "requests may read inputs from this bucket too, beside --inputs-bucket; can be given again")
  private List<String> allowedBuckets = List.of();

  @Option(
      names = "--allow-script-network",
      description =
          "requests may let their scripts reach what this worker reaches: its loopback, too")
  private boolean allowScriptNetwork;

  @Option(
      names = "--http",
      paramLabel = "HOST:PORT",
      description = "serve /healthz, /readyz and Prometheus's /metrics there (default: nowhere)")
  private @Nullable String http;

  @Option(
      names = "--reply-prefix",
      paramLabel = "PREFIX",
      description = "further prefix of reply subjects that are answered, beside _INBOX. and _R_.")
  private List<String> replyPrefixes = List.of();

  @Override
  public Integer call() throws IOException, CommandFailure, InterruptedException {
    String worker = name == null ? NUID.nextGlobal() : name;
    NatsSettings frontSettings = NatsSettings.of(nats);
    NatsSettings storeSettings =
        storeContext == null
            ? frontSettings
            : frontSettings.as(NatsContext.load(Optional.of(storeContext)));
    check();
    ServiceSettings settings = settings(worker);
    CacheDirectory cache = cacheFlags.open();
    try (Registries registries = registryFlags.open(new RegistryPolicy(allowedRegistries, false));
        NatsSession frontSession =
            NatsConnector.connect(frontSettings, "nex-rootfs " + worker + " front");
        NatsSession storeSession =
            NatsConnector.connect(storeSettings, "nex-rootfs " + worker + " store")) {
      Connection front = frontSession.connection();
      Connection store = storeSession.connection();
      checkBucket(store);
      try (PoolExchange exchange = pool.open(store, worker)) {
        RegistryImages images =
            new RegistryImages(registries, new BlobCache(cache, exchange.blobs()));
        LayerCache layers = cacheFlags.layers(cache);
        RootfsBuild build =
            new RootfsBuild(
                layers,
                inputs(layers, store, images),
                worker,
                maxSize,
                Optional.empty(),
                scripts.open(cacheFlags, layers, allowScriptNetwork, false));
        BuildService service = new BuildService(front, store, settings, build);
        if (http != null) {
          LOG.info("HTTP on port {}", service.monitor(address(http)));
        }
        stopOnSignal();
        front.addConnectionListener(this::onEvent);
        store.addConnectionListener(this::onEvent);
        for (Connection connection : List.of(front, store)) {
          if (connection.getStatus() == Connection.Status.CLOSED) {
            onEvent(connection, ConnectionListener.Events.CLOSED);
          }
        }
        status = serve(service) && !isClosed ? 0 : 1;
        return status;
      }
    } finally {
      ended.countDown();
    }
  }

  /** What no retry would mend, before anything is opened. */
  private void check() throws CommandFailure {
    if (maxSize < 1) {
      throw CommandFailure.usage("--max-size " + maxSize + " is no size", null);
    }
    if (graceSeconds < 0) {
      throw CommandFailure.usage("--grace " + graceSeconds + " is less than 0", null);
    }
    if (maxBuildSeconds < 1 || maxBuildSeconds > 7200) {
      throw CommandFailure.usage(
          "--max-build-seconds " + maxBuildSeconds + " is not 1 to 7200", null);
    }
    if (name != null && !NAME.matcher(name).matches()) {
      throw CommandFailure.usage(
          "--name \"" + name + "\" is not 1 to 128 letters, digits, _, . and -", null);
    }
    for (Path allowed : allowedPaths) {
      if (!Files.isDirectory(allowed)) {
        LOG.warn("--allow-path {}: there is no such directory", allowed);
      }
    }
    if (http != null) {
      LOG.debug("HTTP is to be at {}", address(http));
    }
  }

  private static InetSocketAddress address(String text) throws CommandFailure {
    int colon = text.lastIndexOf(':');
    String port = text.substring(colon + 1);
    if (colon < 1 || !port.matches("\\d{1,5}") || Integer.parseInt(port) > 65_535) {
      throw CommandFailure.usage("--http " + text + " is not HOST:PORT", null);
    }
    return new InetSocketAddress(text.substring(0, colon), Integer.parseInt(port));
  }

  private Inputs inputs(LayerCache layers, Connection store, RegistryImages images) {
    List<String> readable = new ArrayList<>(allowedBuckets);
    readable.add(0, buckets.inputs);
    return new Inputs(
        layers,
        new PathPolicy(allowedPaths),
        new BucketInputs(Optional.of(new Buckets(store)), readable),
        Optional.of(images));
  }

  private ServiceSettings settings(String worker) throws CommandFailure {
    List<String> inboxes = new ArrayList<>(ServiceSettings.USUAL_INBOXES);
    inboxes.addAll(replyPrefixes);
    try {
      return new ServiceSettings(
          buckets.subjects(),
          imageBucket.name,
          worker,
          Version.text(),
          slots,
          Duration.ofSeconds(maxBuildSeconds),
          Duration.ofSeconds(graceSeconds),
          inboxes,
          new PoolSettings(
              worker, pool.stream, pool.records, pool.leases, namespaceQueue, namespaceBuilds));
    } catch (IllegalArgumentException e) {
      throw CommandFailure.usage(String.valueOf(e.getMessage()), e);
    }
  }

  /**
   * A worker without its bucket still answers, with an error that says so; its operator should hear
   * of it first.
   */
  private void checkBucket(Connection store) {
    LOG.info(
        "NATS server {} {}",
        store.getServerInfo().getServerName(),
        store.getServerInfo().getVersion());
    try {
      new Buckets(store).open(imageBucket.name);
    } catch (StoreException e) {
      LOG.error("{}: {}", e.reason(), e.getMessage());
      if (e.reason() == StoreException.Reason.NO_JETSTREAM) {
        return;
      }
    }
    for (String stream : List.of(pool.stream, "KV_" + pool.records, "KV_" + pool.leases)) {
      try {
        LOG.debug("{}", store.jetStreamManagement().getStreamInfo(stream).getCreateTime());
      } catch (JetStreamApiException e) {
        LOG.error(
            "the stream {} cannot be used: {}; an administrator makes it with nex-rootfs setup",
            stream,
            e.getMessage());
      } catch (IOException e) {
        LOG.error(
            "the stream {} cannot be used: {}",
            stream,
            Denial.of(store)
                .map(said -> said + "; deploy/nats/users.conf has what a worker needs")
                .orElse(String.valueOf(e.getMessage())));
      }
    }
  }

  /**
   * The client gives a connection up by itself where the server has refused its credentials twice.
   * Whoever keeps the worker running starts it anew, with the credentials that count then.
   */
  // The interface demands its deprecated form.
  @SuppressWarnings("deprecation")
  private void onEvent(Connection connection, ConnectionListener.Events event) {
    if (event == ConnectionListener.Events.CLOSED && stop.getCount() > 0) {
      LOG.error(
          "the connection {} is closed for good: {}; stopping",
          connection.getOptions().getConnectionName(),
          connection.getLastError());
      isClosed = true;
      stop.countDown();
    }
  }

  /** Serves until the JVM is told to stop; whether every build ended in time. */
  private boolean serve(BuildService service) throws InterruptedException {
    service.start();
    stop.await();
    LOG.info(
        "stopping: no new jobs, running builds have {} s to end before others take them",
        graceSeconds);
    boolean clean = service.stop();
    LOG.info("stopped");
    return clean;
  }

  /**
   * A shutdown that lets the command end by itself, and gives its exit status instead of the
   * signal's.
   */
  private void stopOnSignal() {
    Thread hook =
        new Thread(
            () -> {
              stop.countDown();
              try {
                ended.await();
                Runtime.getRuntime().halt(status);
              } catch (InterruptedException e) {
                Thread.currentThread().interrupt();
              }
            },
            "shutdown");
    Runtime.getRuntime().addShutdownHook(hook);
  }
}
