package dev.nexrootfs.build;

import dev.nexrootfs.ext4.Ext4Image;
import dev.nexrootfs.ext4.Ext4Layout;
import dev.nexrootfs.ext4.ImageProfile;
import dev.nexrootfs.ext4.ImageSize;
import dev.nexrootfs.ext4.LayoutException;
import dev.nexrootfs.ext4.LayoutPlanner;
import dev.nexrootfs.layer.CacheDirectory;
import dev.nexrootfs.layer.DecodedLayer;
import dev.nexrootfs.layer.LayerCache;
import dev.nexrootfs.layer.LayerMerge;
import dev.nexrootfs.oci.Image;
import dev.nexrootfs.oci.Platform;
import dev.nexrootfs.protocol.BuildReply;
import dev.nexrootfs.protocol.BuildRequest;
import dev.nexrootfs.protocol.ErrorCode;
import dev.nexrootfs.protocol.Finding;
import dev.nexrootfs.protocol.Guest;
import dev.nexrootfs.protocol.RequestException;
import dev.nexrootfs.protocol.ScriptReport;
import dev.nexrootfs.protocol.Size;
import dev.nexrootfs.tree.FileTree;
import dev.nexrootfs.tree.TreeTooLargeException;
import java.io.IOException;
import java.time.Instant;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import org.jspecify.annotations.Nullable;

/**
 * Builds root file systems: resolves a request's inputs, merges the layers, lays guest and files
 * over them, plans the ext4 image, and hands it to a sink. Any number of builds can run at once.
 */
public final class RootfsBuild {
  /** Metadata of an object: the build key. */
  public static final String KEY = "nex-rootfs-key";

  /** Metadata of an object: the base image's manifest. */
  public static final String BASE_MANIFEST = "nex-rootfs-base-manifest";

  /** Metadata of an object: bytes that content can still take. */
  public static final String FREE_BYTES = "nex-rootfs-free-bytes";

  /** Metadata of an object: findings, as JSON. */
  public static final String FINDINGS = "nex-rootfs-findings";

  private final LayerCache cache;
  private final Inputs inputs;
  private final String worker;
  private final long maxSize;
  private final Optional<Instant> sourceDateEpoch;
  private final ScriptStep scripts;

  /**
   * Builds on this machine.
   *
   * @param worker how replies name it
   * @param maxSize the largest image, bytes
   * @param sourceDateEpoch the latest time that a file may have; without it the base image's
   *     creation time
   * @param scripts runs requests' scripts
   */
  public RootfsBuild(
      LayerCache cache,
      Inputs inputs,
      String worker,
      long maxSize,
      Optional<Instant> sourceDateEpoch,
      ScriptStep scripts) {
    this.maxSize = maxSize;
    this.cache = cache;
    this.inputs = inputs;
    this.worker = worker;
    this.sourceDateEpoch = sourceDateEpoch;
    this.scripts = scripts;
  }

  /** The cache's figures of this moment. */
  public CacheUse cacheUse() throws IOException {
    CacheDirectory.Use use = cache.use();
    return new CacheUse(use.limit(), use.bytes(), use.found(), use.missed(), use.evicted());
  }

  /**
   * The whole path: from {@code request} to an image in {@code sink}, and what to tell the
   * requester.
   *
   * @param id the build's id
   * @throws RequestException for everything that can go wrong; then the sink shows nothing
   * @throws java.util.concurrent.CancellationException where {@code progress} throws it, to stop
   *     the build; then too
   */
  public BuildResult run(String id, BuildRequest request, ImageSink sink, Progress progress)
      throws RequestException {
    scripts.admit(request);
    Stopwatch stopwatch = new Stopwatch();
    progress.report(Phase.RESOLVE, Phase.RESOLVE.percent(), "resolving the inputs");
    InputLog log = new InputLog(progress);
    try (ResolvedInputs resolved = ResolvedInputs.of(request, inputs, log)) {
      BuildKey key = BuildKey.of(request, resolved, sourceDateEpoch);
      stopwatch.lap(Phase.RESOLVE);
      Optional<ImageSink.Stored> earlier = sink.find(key.objectName(), request);
      if (earlier.isPresent()) {
        Findings.check(request, Findings.read(earlier.get().metadata().get(FINDINGS)));
        return new BuildResult(
            reply(id, request, key, resolved.image(), earlier.get(), true, stopwatch, null),
            log.dependencies());
      }
      List<DecodedLayer> layers = new ArrayList<>(LayerPull.of(resolved.image(), cache, progress));
      stopwatch.lap(Phase.LAYERS);
      try {
        Optional<ScriptReport> script = runScript(request, resolved, layers, progress);
        if (script.isPresent()) {
          stopwatch.lap(Phase.SCRIPT);
        }
        progress.report(Phase.PLAN, Phase.PLAN.percent(), "merging " + layers.size() + " layers");
        List<Finding> found = new ArrayList<>();
        FileTree tree = tree(request, resolved, layers, found);
        List<Finding> findings = Findings.bounded(found);
        Findings.check(request, findings);
        Ext4Layout layout = LayoutPlanner.plan(tree, profile(request, resolved, key));
        checkSize(layout.size());
        checkFree(request.size(), layout.freeBytes());
        stopwatch.lap(Phase.PLAN);
        ImageSink.Stored stored = store(request, resolved, key, layout, findings, sink, progress);
        stopwatch.lap(Phase.STORE);
        return new BuildResult(
            reply(
                id, request, key, resolved.image(), stored, false, stopwatch, script.orElse(null)),
            log.dependencies());
      } finally {
        LayerPull.close(layers);
      }
    } catch (TreeTooLargeException e) {
      throw new RequestException(ErrorCode.TOO_LARGE, "the image has " + e.getMessage(), e);
    } catch (LayoutException e) {
      throw Failures.of(e);
    } catch (IOException e) {
      throw Failures.of(e);
    }
  }

  /** Runs the script over base and files; its layer comes to {@code layers}. */
  private Optional<ScriptReport> runScript(
      BuildRequest request, ResolvedInputs resolved, List<DecodedLayer> layers, Progress progress)
      throws IOException, RequestException {
    if (resolved.script().isEmpty()) {
      return Optional.empty();
    }
    Instant time = latestTime(resolved.image()).orElse(Instant.EPOCH);
    LayerMerge merge = new LayerMerge();
    for (DecodedLayer layer : layers) {
      merge.add(layer);
    }
    FileTree tree = merge.tree();
    tree.beginLayer();
    AddedFiles.add(tree, resolved.files(), time);
    ScriptStep.Outcome outcome = scripts.run(request, resolved, tree, time, cache, progress);
    layers.add(outcome.derived().layer());
    return Optional.of(outcome.report());
  }

  private FileTree tree(
      BuildRequest request,
      ResolvedInputs resolved,
      List<DecodedLayer> layers,
      List<Finding> findings)
      throws IOException, RequestException {
    LayerMerge merge = new LayerMerge();
    Instant time = latestTime(resolved.image()).orElse(Instant.EPOCH);
    FileTree tree = merge.tree();
    int base = resolved.image().layers().size();
    for (DecodedLayer layer : layers.subList(0, base)) {
      merge.add(layer);
    }
    boolean scripted = layers.size() > base;
    if (scripted) {
      tree.beginLayer();
      AddedFiles.add(tree, resolved.files(), time);
      merge.add(layers.get(base));
    }
    NexGuest guest = new NexGuest(tree, time, request, resolved.bootScript());
    tree.beginLayer();
    if (request.guest() == Guest.NEX) {
      guest.layOver();
    }
    tree.beginLayer();
    if (!scripted) {
      AddedFiles.add(tree, resolved.files(), time);
    }
    if (request.guest() == Guest.NEX) {
      guest.addAgent(resolved.agent().orElseThrow().content());
      findings.addAll(guest.findings());
      findings.addAll(BootLint.of(tree, Platform.parse(request.platform())));
    }
    if (scripted) {
      moveScriptLast(tree, base);
    }
    latestTime(resolved.image()).ifPresent(limit -> TimeClamp.clamp(tree, limit));
    return tree;
  }

  /**
   * Layers as they are without a script: base, guest, files, agent, and then the script's, so that
   * what the script did not touch stands where it stands without one.
   */
  private static void moveScriptLast(FileTree tree, int base) {
    List<Integer> order = new ArrayList<>();
    for (int layer = 0; layer < tree.layerStarts().size(); layer++) {
      order.add(layer);
    }
    int files = base;
    int script = base + 1;
    int overlay = base + 2;
    order.remove(overlay);
    order.add(files, overlay);
    order.remove((Integer) script);
    order.add(script);
    tree.arrangeLayers(order);
  }

  private ImageProfile profile(BuildRequest request, ResolvedInputs resolved, BuildKey key) {
    return new ImageProfile(
        size(request.size()), key.uuid(), latestTime(resolved.image()).orElse(Instant.EPOCH));
  }

  private static ImageSize size(Size size) {
    return switch (size.policy()) {
      case WHOLE -> new ImageSize.Whole(size.bytes());
      case FREE -> new ImageSize.Free(size.bytes());
    };
  }

  private Optional<Instant> latestTime(Image image) {
    return sourceDateEpoch.isPresent() ? sourceDateEpoch : image.config().createdAt();
  }

  private static ImageSink.Stored store(
      BuildRequest request,
      ResolvedInputs resolved,
      BuildKey key,
      Ext4Layout layout,
      List<Finding> findings,
      ImageSink sink,
      Progress progress)
      throws IOException, RequestException {
    Map<String, String> metadata = new HashMap<>();
    metadata.put(KEY, key.digest().text());
    metadata.put(BASE_MANIFEST, resolved.image().manifestDigest().text());
    metadata.put(FREE_BYTES, Long.toString(layout.freeBytes()));
    metadata.put(FINDINGS, Findings.write(findings));
    progress.report(Phase.STORE, Phase.STORE.percent(), "storing " + layout.size() + " bytes");
    return sink.store(
        key.objectName(),
        request,
        metadata,
        new Ext4Image(layout),
        done ->
            progress.report(
                Phase.STORE,
                Phase.STORE.percent(done, layout.size()),
                "stored " + done + " of " + layout.size() + " bytes"));
  }

  private BuildReply reply(
      String id,
      BuildRequest request,
      BuildKey key,
      Image image,
      ImageSink.Stored stored,
      boolean cached,
      Stopwatch stopwatch,
      @Nullable ScriptReport script)
      throws IOException {
    return new BuildReply(
        id,
        key.digest().text(),
        stored.bucket(),
        stored.object(),
        stored.location(),
        stored.links(),
        stored.digest().text(),
        stored.size(),
        Long.parseLong(stored.metadata().getOrDefault(FREE_BYTES, "0")),
        request.platform(),
        image.manifestDigest().text(),
        cached,
        stopwatch.millis(),
        worker,
        warnings(request),
        Findings.read(stored.metadata().get(FINDINGS)),
        script);
  }

  private static List<String> warnings(BuildRequest request) {
    return request.guest() == Guest.PLAIN && request.agent() != null
        ? List.of("agent: the guest plain has none; the image is without it")
        : List.of();
  }

  /** The plan holds this; a fault in it must not reach a guest that fills its disk. */
  private static void checkFree(Size asked, long freeBytes) {
    if (asked.policy() == Size.Policy.FREE && freeBytes < asked.bytes()) {
      throw new IllegalStateException(
          "the plan leaves " + freeBytes + " bytes free where " + asked + " is asked");
    }
  }

  private void checkSize(long bytes) throws RequestException {
    if (bytes > maxSize) {
      throw new RequestException(
          ErrorCode.TOO_LARGE,
          "size: " + bytes + " bytes; this worker builds images of at most " + maxSize);
    }
  }

  /** The digest of the manifest that the request's base image has now; see {@link Dependencies}. */
  public String manifest(BuildRequest request) throws IOException, RequestException {
    return inputs.manifest(request.image(), Platform.parse(request.platform()));
  }

  /** Checks what this worker can tell without reading anything; for whoever only queues. */
  public void admit(BuildRequest request) throws RequestException {
    scripts.admit(request);
    if (request.size().policy() == Size.Policy.WHOLE) {
      checkSize(request.size().bytes());
    }
  }

  /** What this machine's scripts run in, or {@code none}; for statistics. */
  public String isolation() {
    return scripts.sandbox().isolation();
  }
}
