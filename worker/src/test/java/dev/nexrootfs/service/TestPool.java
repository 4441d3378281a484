package dev.nexrootfs.service;

import dev.nexrootfs.build.BucketInputs;
import dev.nexrootfs.build.Inputs;
import dev.nexrootfs.build.PathPolicy;
import dev.nexrootfs.build.RegistryImages;
import dev.nexrootfs.build.RootfsBuild;
import dev.nexrootfs.build.ScriptStep;
import dev.nexrootfs.layer.BlobCache;
import dev.nexrootfs.layer.BlobExchange;
import dev.nexrootfs.layer.CacheDirectory;
import dev.nexrootfs.layer.LayerCache;
import dev.nexrootfs.oracle.NatsServer;
import dev.nexrootfs.protocol.Subjects;
import dev.nexrootfs.registry.CredentialStore;
import dev.nexrootfs.registry.Patience;
import dev.nexrootfs.registry.ProxyEnvironment;
import dev.nexrootfs.registry.Registries;
import dev.nexrootfs.registry.RegistryPolicy;
import dev.nexrootfs.registry.RegistrySettings;
import dev.nexrootfs.store.Buckets;
import io.nats.client.Connection;
import io.nats.client.NUID;
import java.nio.file.Path;
import java.time.Duration;
import java.time.Instant;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.OptionalInt;
import java.util.OptionalLong;

/** A pool of its own on a server: subjects, buckets, streams, and workers with two connections. */
final class TestPool {
  static final int MAX_JOBS = 200;
  static final int QUEUED_PER_NAMESPACE = 150;

  private final String mark = NUID.nextGlobal();
  final Subjects subjects = new Subjects("test" + mark + ".rootfs");
  final String bucket = "IMAGES" + mark;
  final String stream = "JOBS" + mark;
  final String records = "BUILDS" + mark;
  final String leases = "LEASES" + mark;
  final Connection admin;
  private final String url;
  private final Path directory;
  private final Optional<String> registry;
  private final List<Worker> workers = new ArrayList<>();

  TestPool(String url, Path directory) throws Exception {
    this(url, directory, Optional.empty());
  }

  TestPool(String url, Path directory, Optional<String> registry) throws Exception {
    this.registry = registry;
    this.url = url;
    this.directory = directory;
    this.admin = NatsServer.connect(url);
    PoolSetup setup = new PoolSetup(admin, OptionalInt.empty(), false);
    setup.bucket(bucket, "images", OptionalLong.empty(), -1);
    setup.leases(leases);
    setup.records(records);
    setup.jobs(stream, subjects.jobs(), OptionalLong.of(MAX_JOBS));
  }

  /** A worker in this process. */
  static final class Worker {
    final Connection front;
    final Connection store;
    final BuildService service;
    private boolean stopped;

    private Worker(Connection front, Connection store, BuildService service) {
      this.front = front;
      this.store = store;
      this.service = service;
    }

    boolean stopQuietly() {
      try {
        return stop();
      } catch (Exception e) {
        throw new IllegalStateException(e);
      }
    }

    boolean stop() throws Exception {
      stopped = true;
      boolean clean = service.stop();
      front.close();
      store.close();
      return clean;
    }
  }

  Worker worker(String name, int slots) throws Exception {
    return worker(name, slots, Duration.ofSeconds(60), -1, List.of());
  }

  /** Starts a worker that reads inputs from the pool's bucket, {@code inputs} and the directory. */
  Worker worker(
      String name, int slots, Duration grace, long runningPerNamespace, List<String> inputs)
      throws Exception {
    return worker(name, slots, grace, runningPerNamespace, inputs, bucket);
  }

  Worker worker(
      String name,
      int slots,
      Duration grace,
      long runningPerNamespace,
      List<String> inputs,
      String images)
      throws Exception {
    return worker(name, slots, grace, runningPerNamespace, inputs, images, Optional.empty());
  }

  /**
   * A worker whose images differ from those of the others in every file's time, and so in key and
   * bytes: as those of another layout version do.
   */
  Worker workerOfAnotherLayout(String name) throws Exception {
    return worker(
        name, 1, Duration.ofSeconds(60), -1, List.of(), bucket, Optional.of(Instant.EPOCH));
  }

  private Worker worker(
      String name,
      int slots,
      Duration grace,
      long runningPerNamespace,
      List<String> inputs,
      String images,
      Optional<Instant> latest)
      throws Exception {
    Connection front = NatsServer.connect(url);
    Connection store = NatsServer.connect(url);
    CacheDirectory disk = new CacheDirectory(directory.resolve("cache-" + name), 1L << 32);
    LayerCache cache = new LayerCache(disk, 1L << 30);
    Optional<RegistryImages> registries =
        registry.map(
            host -> new RegistryImages(registries(host), new BlobCache(disk, BlobExchange.NONE)));
    Inputs sources =
        new Inputs(
            cache,
            new PathPolicy(List.of(directory)),
            new BucketInputs(Optional.of(new Buckets(store)), inputs),
            registries);
    RootfsBuild build = new RootfsBuild(cache, sources, name, 1L << 40, latest, ScriptStep.NONE);
    ServiceSettings settings =
        new ServiceSettings(
            subjects,
            images,
            name,
            "1.0.0",
            slots,
            Duration.ofMinutes(2),
            grace,
            ServiceSettings.USUAL_INBOXES,
            new PoolSettings(
                name, stream, records, leases, QUEUED_PER_NAMESPACE, runningPerNamespace));
    Worker worker = new Worker(front, store, new BuildService(front, store, settings, build));
    worker.service.start();
    workers.add(worker);
    return worker;
  }

  private static Registries registries(String host) {
    return new Registries(
        new RegistrySettings(Map.of(host, RegistrySettings.Host.ofPlainHttp())),
        CredentialStore.none(),
        RegistryPolicy.ALL,
        ProxyEnvironment.of(Map.of()),
        Patience.USUAL,
        "test/1");
  }

  long messages(String name) throws Exception {
    return admin.jetStreamManagement().getStreamInfo(name).getStreamState().getMsgCount();
  }

  void close() throws Exception {
    for (Worker worker : workers) {
      if (!worker.stopped) {
        worker.stop();
      }
    }
    admin.close();
  }
}
