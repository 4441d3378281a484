package dev.nexrootfs.store;

import static org.assertj.core.api.Assertions.assertThat;

import dev.nexrootfs.oracle.NatsServer;
import io.nats.client.Connection;
import io.nats.client.PushSubscribeOptions;
import java.io.ByteArrayInputStream;
import java.time.Duration;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;

/** What may leave a bucket, and what may not. */
class BucketSweepIT {
  private static final int BYTES = 1 << 20;

  private NatsServer server;
  private Connection connection;
  private ObjectBucket bucket;
  private BucketSweep sweep;

  BucketSweepIT() throws Exception {
    server = NatsServer.start();
    connection = NatsServer.connect(server.url());
    new Buckets(connection).create("B", "images", -1, 1);
    bucket = new Buckets(connection).open("B");
    sweep = new BucketSweep(connection, "B");
  }

  @BeforeEach
  void fill() throws Exception {
    for (String name : List.of("old", "linked", "held", "new")) {
      byte[] bytes = new byte[BYTES];
      bytes[0] = (byte) name.charAt(0);
      bucket.putIfAbsent(name, "", Map.of(), () -> new ByteArrayInputStream(bytes), done -> {});
    }
    bucket.link("link", "linked");
  }

  @AfterEach
  void close() throws Exception {
    connection.close();
    server.close();
  }

  private static BucketSweep.Policy atMost(long bytes) {
    return new BucketSweep.Policy(bytes, Optional.empty(), Duration.ZERO, false);
  }

  private List<String> names(BucketSweep.Policy policy, Set<String> held) throws Exception {
    return sweep.find(policy, held::contains).candidates().stream()
        .map(BucketSweep.Candidate::object)
        .toList();
  }

  @Test
  void theOldestGoFirstAndOnlyAsManyAsHaveTo() throws Exception {
    assertThat(names(atMost(4 * BYTES), Set.of())).isEmpty();
    assertThat(names(atMost(4 * BYTES - 1), Set.of())).containsExactly("old");
    assertThat(names(atMost(0), Set.of("held"))).containsExactly("old", "new");
  }

  @Test
  void whatSomebodyHasComeToNeedSinceItWasFoundStays() throws Exception {
    List<BucketSweep.Candidate> found =
        sweep.find(atMost(0), Set.of("held")::contains).candidates();
    assertThat(found).extracting(BucketSweep.Candidate::object).containsExactly("old", "new");
    assertThat(sweep.delete(found.get(0), Set.of("old")::contains)).isFalse();
    assertThat(sweep.delete(found.get(1), Set.of("old")::contains)).isTrue();
    assertThat(bucket.findWhole("old")).isPresent();
    assertThat(bucket.find("new")).isEmpty();
  }

  @Test
  void whatALinkLeadsToAndWhatIsHeldStaysWhateverTheLimit() throws Exception {
    for (BucketSweep.Candidate candidate :
        sweep.find(atMost(0), Set.of("held")::contains).candidates()) {
      assertThat(sweep.delete(candidate, object -> false)).isTrue();
    }
    assertThat(bucket.findWhole("linked")).isPresent();
    assertThat(bucket.findWhole("held")).isPresent();
    assertThat(bucket.find("old")).isEmpty();
    assertThat(bucket.find("new")).isEmpty();
  }

  @Test
  void whatIsLinkedMeanwhileStays() throws Exception {
    BucketSweep.Found found =
        sweep.find(
            atMost(0),
            name -> {
              link("late_" + name, name);
              return false;
            });
    assertThat(found.candidates()).isEmpty();
    assertThat(found.kept())
        .containsOnlyKeys("old", "linked", "held", "new")
        .allSatisfy((name, reason) -> assertThat(reason).isEqualTo(BucketSweep.Reason.LINKED));
  }

  @Test
  void compressedImageThatIsLinkedMeanwhileKeepsItsDigest() throws Exception {
    for (String name : List.of("old.ext4.gz", "old.ext4.gz.sha256")) {
      byte[] bytes = new byte[100];
      bucket.putIfAbsent(name, "", Map.of(), () -> new ByteArrayInputStream(bytes), done -> {});
    }
    BucketSweep.Found found =
        sweep.find(
            atMost(0),
            name -> {
              link("late", "old.ext4.gz");
              return !name.equals("old");
            });
    assertThat(found.candidates()).extracting(BucketSweep.Candidate::object).containsExactly("old");
    assertThat(found.kept())
        .containsEntry("old.ext4.gz", BucketSweep.Reason.LINKED)
        .containsEntry("old.ext4.gz.sha256", BucketSweep.Reason.LINKED);
  }

  private void link(String name, String object) {
    try {
      bucket.link(name, object);
    } catch (StoreException e) {
      throw new IllegalStateException(e);
    }
  }

  @Test
  void digestGoesBeforeTheCompressedImageAndNeverStaysAlone() throws Exception {
    for (String name : List.of("old.ext4.gz", "old.ext4.gz.sha256")) {
      byte[] bytes = new byte[100];
      bucket.putIfAbsent(name, "", Map.of(), () -> new ByteArrayInputStream(bytes), done -> {});
    }
    Set<String> held = Set.of("held", "new");
    assertThat(names(atMost(3 * BYTES), held))
        .containsExactly("old", "old.ext4.gz.sha256", "old.ext4.gz");
    assertThat(names(atMost(3 * BYTES + 150), held))
        .as("one would do")
        .containsExactly("old", "old.ext4.gz.sha256", "old.ext4.gz");
    assertThat(names(atMost(3 * BYTES + 200), held)).containsExactly("old");
    bucket.link("name", "old.ext4.gz.sha256");
    assertThat(names(atMost(3 * BYTES), held)).as("a link to the digest").containsExactly("old");
    bucket.delete("name");
    bucket.delete("old.ext4.gz");
    assertThat(names(atMost(3 * BYTES), held)).containsExactly("old", "old.ext4.gz.sha256");
  }

  @Test
  void whatIsYoungStays() throws Exception {
    BucketSweep.Policy policy =
        new BucketSweep.Policy(0, Optional.empty(), Duration.ofHours(1), false);
    assertThat(names(policy, Set.of())).isEmpty();
    BucketSweep.Policy age =
        new BucketSweep.Policy(-1, Optional.of(Duration.ofHours(1)), Duration.ZERO, false);
    assertThat(names(age, Set.of())).isEmpty();
    BucketSweep.Policy none =
        new BucketSweep.Policy(-1, Optional.of(Duration.ZERO), Duration.ZERO, false);
    assertThat(names(none, Set.of())).containsExactly("old", "held", "new");
  }

  @Test
  void whatIsBeingReadStays() throws Exception {
    String nuid = connection.objectStore("B").getInfo("old").getNuid();
    var reader =
        connection
            .jetStream()
            .subscribe("$O.B.C." + nuid, PushSubscribeOptions.builder().stream("OBJ_B").build());
    assertThat(names(atMost(0), Set.of())).containsExactly("held", "new");
    reader.unsubscribe();
  }

  @Test
  void whyWhatIsTooMuchStaysIsSaid() throws Exception {
    BucketSweep.Found found = sweep.find(atMost(0), Set.of("held")::contains);
    assertThat(found.kept())
        .containsOnly(
            Map.entry("linked", BucketSweep.Reason.LINKED),
            Map.entry("held", BucketSweep.Reason.HELD));
    BucketSweep.Policy young =
        new BucketSweep.Policy(0, Optional.empty(), Duration.ofHours(1), false);
    assertThat(sweep.find(young, name -> false).kept())
        .containsOnlyKeys("old", "linked", "held", "new")
        .allSatisfy((name, reason) -> assertThat(reason).isEqualTo(BucketSweep.Reason.YOUNG));
    assertThat(sweep.find(atMost(4 * BYTES), name -> false).kept()).isEmpty();
  }

  @Test
  void chunksOfAnUploadThatWasCutOffAreSweptAndNothingElse() throws Exception {
    for (int i = 0; i < 3; i++) {
      connection.jetStream().publish("$O.B.C.stray", new byte[1000]);
    }
    assertThat(sweep.find(BucketSweep.Policy.ORPHANS, object -> false).candidates())
        .as("young")
        .isEmpty();
    BucketSweep.Policy orphans = new BucketSweep.Policy(-1, Optional.empty(), Duration.ZERO, false);
    List<BucketSweep.Candidate> found = sweep.find(orphans, object -> false).candidates();
    assertThat(found).hasSize(1);
    assertThat(found.get(0).isOrphan()).isTrue();
    assertThat(found.get(0).bytes()).isEqualTo(3000);
    assertThat(sweep.delete(found.get(0), object -> true)).as("chunks of no object").isTrue();
    assertThat(sweep.find(orphans, object -> false).candidates()).isEmpty();
    for (String name : List.of("old", "linked", "held", "new")) {
      assertThat(bucket.findWhole(name)).as(name).isPresent();
    }
  }

  @Test
  void chunksOfAMirrorStayAsLongAsTheirNameMayBeOnItsWay() throws Exception {
    connection.jetStream().publish("$O.B.C.stray", new byte[1000]);
    BucketSweep.Policy mirror = BucketSweep.Policy.ofMirror(Duration.ZERO);
    assertThat(sweep.find(mirror, object -> true).candidates()).as("the last message").isEmpty();
    bucket.link("later", "new");
    assertThat(sweep.find(mirror, object -> true).candidates())
        .extracting(BucketSweep.Candidate::nuid)
        .containsExactly("stray");
  }
}
