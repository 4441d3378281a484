package dev.nexrootfs;

import static org.assertj.core.api.Assertions.assertThat;

import dev.nexrootfs.oracle.Command;
import dev.nexrootfs.protocol.ErrorCode;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.TreeSet;
import java.util.regex.MatchResult;
import java.util.regex.Pattern;
import org.junit.jupiter.api.Assumptions;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** The files of deploy/, as those read them for whom they are. */
class DeployIT {
  private static final Path DEPLOY = Path.of("..", "deploy").toAbsolutePath().normalize();
  private static final Path CACHE = DEPLOY.resolveSibling(".cache");

  @Test
  void manifestsAreValidByTheSchemasOfKubernetesAndKeda() throws IOException {
    Path python = CACHE.resolve("kubernetes/bin/python");
    Path definitions = CACHE.resolve("kubernetes/crds");
    Assumptions.assumeTrue(
        Files.isDirectory(definitions), "needs " + definitions + "; make test makes it");
    String lines =
        Command.of(python, DEPLOY.resolve("kubernetes/validate.py"), definitions)
            .run()
            .orThrow()
            .output();
    for (String overlay : List.of("developer", "keda", "hpa")) {
      assertThat(lines).contains("overlays/" + overlay + ": Deployment nex-rootfs-worker is valid");
    }
    assertThat(lines).contains("ScaledObject nex-rootfs-worker is valid");
  }

  @Test
  void manifestWithAMisspelledFieldIsNotValid(@TempDir Path directory) throws IOException {
    Path definitions = CACHE.resolve("kubernetes/crds");
    Assumptions.assumeTrue(
        Files.isDirectory(definitions), "needs " + definitions + "; make test makes it");
    Command.of("cp", "-r", DEPLOY.resolve("kubernetes"), directory).run().orThrow();
    Path copy = directory.resolve("kubernetes/overlays/keda/scaled-object.yaml");
    Files.writeString(copy, Files.readString(copy).replace("maxReplicaCount", "maxReplicas"));
    Command.Result result =
        Command.of(
                CACHE.resolve("kubernetes/bin/python"),
                directory.resolve("kubernetes/validate.py"),
                definitions)
            .run();
    assertThat(result.exit()).isEqualTo(1);
    assertThat(result.output()).contains("ScaledObject nex-rootfs-worker is wrong");
  }

  @Test
  void podsHaveLongerToEndThanTheirWorkers() throws IOException {
    String worker = Files.readString(DEPLOY.resolve("kubernetes/base/worker.yaml"));
    assertThat(number(worker, "terminationGracePeriodSeconds: (\\d+)"))
        .isGreaterThanOrEqualTo(number(worker, "--grace=(\\d+)") + 30);
    String unit = Files.readString(DEPLOY.resolve("systemd/nex-rootfs-worker.service"));
    String settings = Files.readString(DEPLOY.resolve("systemd/worker.env"));
    assertThat(number(unit, "TimeoutStopSec=(\\d+)s"))
        .isGreaterThanOrEqualTo(number(settings, "--grace (\\d+)") + 30);
    String compose = Files.readString(DEPLOY.resolve("compose/compose.yaml"));
    assertThat(number(compose, "stop_grace_period: (1\\d+)s"))
        .isGreaterThanOrEqualTo(number(compose, "--grace, \"(\\d+)\"") + 30);
  }

  private static int number(String text, String pattern) {
    return Pattern.compile(pattern)
        .matcher(text)
        .results()
        .map(match -> Integer.parseInt(match.group(1)))
        .findFirst()
        .orElseThrow();
  }

  @Test
  void unitIsWhatSystemdUnderstandsAndGivesAwayLittle(@TempDir Path directory) throws IOException {
    Command.require("systemd-analyze");
    String text = Files.readString(DEPLOY.resolve("systemd/nex-rootfs-worker.service"));
    // systemd looks whether the program is there; here it is in the checkout.
    Path unit = directory.resolve("nex-rootfs-worker.service");
    Path program = Path.of("nex-rootfs").toAbsolutePath();
    Files.writeString(unit, text.replace("/opt/nex-rootfs/nex-rootfs", program.toString()));
    Command.Result verify = Command.of("systemd-analyze", "verify", "--man=no", unit).run();
    assertThat(verify.output()).isEmpty();
    assertThat(verify.exit()).isZero();
    String security =
        Command.of("systemd-analyze", "security", "--offline=true", "--threshold=30", unit)
            .run()
            .orThrow()
            .output();
    assertThat(security).contains("Overall exposure level");
  }

  @Test
  void alertsAreWhatPrometheusUnderstands() {
    Command.require("promtool");
    String said =
        Command.of("promtool", "check", "rules", DEPLOY.resolve("prometheus/alerts.yaml"))
            .run()
            .orThrow()
            .output();
    assertThat(said).contains("SUCCESS");
    Command.of("promtool", "test", "rules", DEPLOY.resolve("prometheus/alerts-test.yaml"))
        .run()
        .orThrow();
  }

  @Test
  void alertsNameMetricsThatWorkersHave() throws IOException {
    String alerts = Files.readString(DEPLOY.resolve("prometheus/alerts.yaml"));
    String monitor = Files.readString(Path.of("src/main/java/dev/nexrootfs/service/Monitor.java"));
    TreeSet<String> metrics =
        Pattern.compile("nex_rootfs_(\\w+)")
            .matcher(alerts)
            .results()
            .map((MatchResult match) -> match.group(1))
            .collect(java.util.stream.Collectors.toCollection(TreeSet::new));
    assertThat(metrics).hasSizeGreaterThan(5);
    for (String metric : metrics) {
      assertThat(monitor).contains("\"" + metric + "\"");
    }
  }

  @Test
  void everyAlertAndEveryFaultOfAPoolIsInTheOperatorsPages() throws IOException {
    String pages = Files.readString(DEPLOY.resolve("README.md"));
    String alerts = Files.readString(DEPLOY.resolve("prometheus/alerts.yaml"));
    Pattern.compile("alert: (\\w+)")
        .matcher(alerts)
        .results()
        .forEach(alert -> assertThat(pages).contains("`" + alert.group(1) + "`"));
    for (ErrorCode code : ErrorCode.values()) {
      if (code.number() >= 500 || code == ErrorCode.BUSY) {
        assertThat(pages).contains("`" + code + "`");
      }
    }
  }
}
