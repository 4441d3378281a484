package dev.nexrootfs.oracle;

import io.nats.client.Connection;
import io.nats.client.JetStreamApiException;
import io.nats.client.api.ClusterInfo;
import java.io.IOException;
import java.net.BindException;
import java.net.InetAddress;
import java.net.ServerSocket;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.ThreadLocalRandom;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.locks.LockSupport;
import java.util.stream.Collectors;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/** Three nats-servers of this machine that are one JetStream cluster. */
@SuppressWarnings("try") // A connection's close() can be interrupted.
public final class NatsCluster implements AutoCloseable {
  private static final Logger LOG = LoggerFactory.getLogger(NatsCluster.class);
  private static final int NODES = 3;

  private final String program;
  private final Path directory;
  private final List<Integer> ports;
  private final List<Integer> routes;
  private final Process[] nodes = new Process[NODES];

  private NatsCluster(String program, Path directory, List<Integer> ports, List<Integer> routes) {
    this.program = program;
    this.directory = directory;
    this.ports = ports;
    this.routes = routes;
  }

  /** Starts one and waits until it takes streams. */
  public static NatsCluster start(String program) throws IOException, InterruptedException {
    List<Integer> all = freePorts(2 * NODES);
    NatsCluster cluster =
        new NatsCluster(
            program,
            Files.createTempDirectory("nex-rootfs-cluster"),
            all.subList(0, NODES),
            all.subList(NODES, 2 * NODES));
    for (int i = 0; i < NODES; i++) {
      cluster.startNode(i);
    }
    cluster.awaitReady();
    return cluster;
  }

  /**
   * Ports below those that the kernel gives out: while a server of the cluster is away, nobody else
   * takes its port and is taken for it.
   */
  private static List<Integer> freePorts(int count) throws IOException {
    List<ServerSocket> sockets = new ArrayList<>();
    while (sockets.size() < count) {
      int port = ThreadLocalRandom.current().nextInt(12_000, 32_000);
      try {
        sockets.add(new ServerSocket(port, 1, InetAddress.getLoopbackAddress()));
      } catch (BindException e) {
        LOG.debug("port {} is taken: {}", port, e.getMessage());
      }
    }
    List<Integer> ports = new ArrayList<>();
    for (ServerSocket socket : sockets) {
      ports.add(socket.getLocalPort());
      socket.close();
    }
    return ports;
  }

  /** The servers, as clients name several. */
  public String urls() {
    return ports.stream().map(port -> "nats://127.0.0.1:" + port).collect(Collectors.joining(","));
  }

  private void startNode(int number) throws IOException {
    String others =
        routes.stream().map(port -> "nats://127.0.0.1:" + port).collect(Collectors.joining(","));
    nodes[number] =
        new ProcessBuilder(
                program,
                "-js",
                "-a",
                "127.0.0.1",
                "-p",
                ports.get(number).toString(),
                "-n",
                "n" + number,
                "--cluster_name",
                "test",
                "-cluster",
                "nats://127.0.0.1:" + routes.get(number),
                "-routes",
                others,
                "-sd",
                directory.resolve("n" + number).toString(),
                "-l",
                directory.resolve("log" + number).toString())
            .redirectErrorStream(true)
            .redirectOutput(ProcessBuilder.Redirect.DISCARD)
            .start();
  }

  private void awaitReady() throws IOException, InterruptedException {
    long deadline = System.nanoTime() + TimeUnit.SECONDS.toNanos(60);
    while (System.nanoTime() < deadline) {
      try (Connection connection = NatsServer.connect(urls())) {
        connection
            .keyValueManagement()
            .create(
                io.nats.client.api.KeyValueConfiguration.builder("ready").replicas(NODES).build());
        return;
      } catch (IOException | JetStreamApiException e) {
        LockSupport.parkNanos(TimeUnit.MILLISECONDS.toNanos(200));
      }
    }
    throw new IOException("the cluster has no leader; logs in " + directory);
  }

  /** Kills the server that leads {@code stream}, SIGKILL, and starts it again. */
  public void killLeaderAndRestart(String stream) throws IOException, InterruptedException {
    int leader = leader(stream);
    nodes[leader].destroyForcibly().waitFor();
    // Longer than an election takes: the others have to go on without it.
    LockSupport.parkNanos(TimeUnit.SECONDS.toNanos(8));
    startNode(leader);
  }

  /** Kills two servers of three, SIGKILL: what is left serves, but has no JetStream. */
  public void killTwo() throws InterruptedException {
    nodes[0].destroyForcibly().waitFor();
    nodes[1].destroyForcibly().waitFor();
  }

  /** Starts those two again after {@code pause}. */
  public void restartTwo(Duration pause) throws IOException {
    LockSupport.parkNanos(pause.toNanos());
    startNode(0);
    startNode(1);
  }

  /** Has the server that leads {@code stream} send its clients away and end; starts it again. */
  public void retireLeaderAndRestart(String stream) throws IOException, InterruptedException {
    int leader = leader(stream);
    Process signal =
        new ProcessBuilder(program, "--signal", "ldm=" + nodes[leader].pid()).inheritIO().start();
    if (signal.waitFor() != 0 || !nodes[leader].waitFor(2, TimeUnit.MINUTES)) {
      throw new IOException("n" + leader + " does not leave; logs in " + directory);
    }
    startNode(leader);
  }

  /** The server that leads {@code stream}, as clients name it. */
  public String leaderUrl(String stream) throws IOException, InterruptedException {
    return "nats://127.0.0.1:" + ports.get(leader(stream));
  }

  /**
   * Removes {@code block} of the messages that each follower has of {@code stream}, which holds
   * several; a server that is killed can come to that by itself.
   */
  public void loseBlockOfFollowers(String stream, int block)
      throws IOException, InterruptedException {
    int leader = leader(stream);
    for (int follower = 0; follower < NODES; follower++) {
      if (follower != leader) {
        nodes[follower].destroy();
        nodes[follower].waitFor();
        Path messages =
            directory.resolve("n" + follower + "/jetstream/$G/streams/" + stream + "/msgs");
        Files.delete(messages.resolve(block + ".blk"));
        startNode(follower);
        awaitCurrent(stream);
      }
    }
  }

  private void awaitCurrent(String stream) throws IOException, InterruptedException {
    long deadline = System.nanoTime() + TimeUnit.SECONDS.toNanos(60);
    while (System.nanoTime() < deadline) {
      try (Connection connection = NatsServer.connect(urls())) {
        ClusterInfo cluster =
            connection.jetStreamManagement().getStreamInfo(stream).getClusterInfo();
        if (cluster.getReplicas().stream().allMatch(r -> r.isCurrent() && !r.isOffline())) {
          return;
        }
      } catch (IOException | JetStreamApiException e) {
        LockSupport.parkNanos(TimeUnit.MILLISECONDS.toNanos(200));
      }
      LockSupport.parkNanos(TimeUnit.MILLISECONDS.toNanos(200));
    }
    throw new IOException("the replicas of " + stream + " do not catch up");
  }

  /** Halts a server that does not lead {@code stream}; what is returned lets it go on. */
  public AutoCloseable haltFollower(String stream) throws IOException, InterruptedException {
    Process follower = nodes[(leader(stream) + 1) % NODES];
    signal("-STOP", follower);
    return () -> signal("-CONT", follower);
  }

  private static void signal(String signal, Process process)
      throws IOException, InterruptedException {
    Process kill =
        new ProcessBuilder("kill", signal, String.valueOf(process.pid())).inheritIO().start();
    if (kill.waitFor() != 0) {
      throw new IOException(process.pid() + " takes no " + signal);
    }
  }

  private int leader(String stream) throws IOException, InterruptedException {
    long deadline = System.nanoTime() + TimeUnit.SECONDS.toNanos(30);
    while (System.nanoTime() < deadline) {
      try (Connection connection = NatsServer.connect(urls())) {
        String name =
            String.valueOf(
                connection
                    .jetStreamManagement()
                    .getStreamInfo(stream)
                    .getClusterInfo()
                    .getLeader());
        if (name.matches("n\\d")) {
          return Integer.parseInt(name.substring(1));
        }
      } catch (IOException | JetStreamApiException e) {
        LockSupport.parkNanos(TimeUnit.MILLISECONDS.toNanos(200));
      }
    }
    throw new IOException(stream + " has no leader");
  }

  @Override
  public void close() throws IOException {
    for (Process node : nodes) {
      node.destroyForcibly();
    }
    NatsServer.deleteTree(directory);
  }
}
