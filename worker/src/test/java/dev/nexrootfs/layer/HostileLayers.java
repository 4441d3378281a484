package dev.nexrootfs.layer;

import static dev.nexrootfs.layer.HostileKind.refused;
import static dev.nexrootfs.layer.HostileKind.repeated;
import static dev.nexrootfs.layer.HostileKind.taken;
import static org.assertj.core.api.Assertions.assertThat;

import dev.nexrootfs.oracle.Listing;
import dev.nexrootfs.oracle.Tar;
import dev.nexrootfs.tree.TreePath;
import java.util.ArrayList;
import java.util.List;

/** Archives that are well-formed, and whose entries make trees that are odd, or much work. */
final class HostileLayers {
  private HostileLayers() {}

  static List<HostileKind> kinds() {
    List<HostileKind> kinds = new ArrayList<>();
    kinds.addAll(names());
    kinds.addAll(whiteouts());
    kinds.addAll(links());
    kinds.addAll(work());
    kinds.addAll(memory());
    return kinds;
  }

  private static HostileKind makes(String name, List<String> paths, Tar... layers) {
    return taken(
        name,
        tree -> {
          List<String> found = new ArrayList<>(Listing.of(tree).lines().keySet());
          found.remove("");
          assertThat(found).containsExactlyInAnyOrderElementsOf(paths);
        },
        layers);
  }

  private static Tar named(String path) {
    return new Tar().pax('x', "path", path).file("f", "");
  }

  private static List<HostileKind> names() {
    String longest = "d/".repeat(2047) + "f";
    return List.of(
        refused("absolute name", "the name is absolute", named("/etc/f")),
        refused("name that leads out", "entry \"../f\"", named("../f")),
        refused("name with .. inside", "entry \"a/../f\"", named("a/../f")),
        refused("name that ends in ..", "entry \"a/..\"", named("a/..")),
        refused("empty name", "path is empty", new Tar().file("", "")),
        refused("name with NUL", "NUL", named("a\0b")),
        makes("component of 255 bytes", List.of("n".repeat(255)), named("n".repeat(255))),
        refused("component of 256 bytes", "256 bytes", named("n".repeat(256))),
        refused("parent of 256 bytes", "256 bytes", named("n".repeat(256) + "/f")),
        taken(
            "path of 4095 bytes",
            tree -> assertThat(tree.find(TreePath.of(longest))).isPresent(),
            named(longest)),
        taken(
            "path of 4096 bytes",
            tree -> assertThat(tree.find(TreePath.of(longest + "f"))).isPresent(),
            named(longest + "f")),
        refused("path of 4097 bytes", "path of 4097 bytes", named(longest + "ff")),
        refused(
            "path of 100,000 components",
            "path of 200001 bytes",
            named("d/".repeat(100_000) + "f")),
        makes("control characters in a name", List.of("\u001b[31m\n"), named("\u001b[31m\n")),
        refused("root as a link", "root is not a directory", new Tar().link(".", "x")),
        refused(
            "root as a hard link",
            "root is a hard link",
            new Tar().file("f", "").hardLink(".", "f")),
        refused("root as a file", "root is not a directory", new Tar().file(".", "")),
        refused(
            "file below a file",
            "a file, not a directory",
            new Tar().file("f", "").file("f/g", "")),
        makes(
            "file below a lower file",
            List.of("f", "f/g"),
            new Tar().file("f", ""),
            new Tar().file("f/g", "")));
  }

  private static List<HostileKind> whiteouts() {
    Tar lower = new Tar().directory("d/").file("d/a", "").file(".wh", "").file("x", "");
    List<String> all = List.of("d", "d/a", ".wh", "x");
    return List.of(
        refused(
            "whiteout of nothing", "whiteout: name of 0 bytes", lower, new Tar().file(".wh.", "")),
        refused("whiteout of .", "whiteout: \".\"", lower, new Tar().file(".wh..", "")),
        refused("whiteout of ..", "whiteout: \"..\"", lower, new Tar().file("d/.wh...", "")),
        refused("whiteout in the lowest layer", "whiteout: \"..\"", new Tar().file(".wh...", "")),
        refused(
            "file below a whiteout",
            "nothing can be below it",
            lower,
            new Tar().file(".wh.x/f", "")),
        makes("whiteout of .wh", List.of("d", "d/a", "x"), lower, new Tar().file(".wh..wh", "")),
        makes(
            "AUFS's own files",
            all,
            lower,
            new Tar()
                .file(".wh..wh.plnk/1.2", "")
                .file(".wh..wh.aufs", "")
                .directory("d/.wh..wh.orph/")),
        makes(
            "opaque whiteout that is a directory",
            List.of("d", ".wh", "x"),
            lower,
            new Tar().directory("d/.wh..wh..opq/")),
        makes("opaque root", List.of("n"), lower, new Tar().file(".wh..wh..opq", "").file("n", "")),
        makes("opaque with another end", all, lower, new Tar().file("d/.wh..wh..opqx", "")),
        makes(
            "whiteout that is a hard link to nothing",
            List.of("d", "d/a", ".wh"),
            lower,
            new Tar().hardLink(".wh.x", "nowhere")),
        makes(
            "whiteout through a loop of links below",
            List.of("l", "m", "n"),
            new Tar().link("l", "m").link("m", "l"),
            new Tar().file("n", "")),
        refused(
            "whiteout through a loop",
            "whiteout: /l: more than 40",
            new Tar().link("l", "m").link("m", "l"),
            new Tar().file("l/.wh.x", "")));
  }

  private static List<HostileKind> links() {
    return List.of(
        refused("hard link to nothing", "does not exist", new Tar().hardLink("h", "nowhere")),
        refused("hard link to itself", "does not exist", new Tar().hardLink("h", "h")),
        refused(
            "hard links in a circle",
            "does not exist",
            new Tar().hardLink("a", "b").hardLink("b", "c").hardLink("c", "a")),
        refused(
            "hard link to a directory",
            "hard link to the directory d",
            new Tar().directory("d/").hardLink("h", "d")),
        refused(
            "hard link to the root",
            "hard link to the directory ./",
            new Tar().hardLink("h", "./")),
        refused("hard link that leads out", "hard link to ../f", new Tar().hardLink("h", "../f")),
        refused("hard link to an empty name", "path is empty", new Tar().hardLink("h", "")),
        makes(
            "hard link over its own target's directory",
            List.of("d"),
            new Tar().file("d/x", "").hardLink("d", "d/x")),
        refused("symbolic link to nothing at all", "1 to 4095", new Tar().link("l", "")),
        refused(
            "symbolic link to 4096 bytes",
            "4096 bytes",
            new Tar().pax('x', "linkpath", "t".repeat(4096)).link("l", "")),
        refused(
            "symbolic link with NUL", "NUL", new Tar().pax('x', "linkpath", "a\0b").link("l", "")),
        refused(
            "parents in a loop", "loop", new Tar().link("a", "b").link("b", "a").file("a/x", "")),
        refused("parent that is itself", "loop", new Tar().link("a", "a/a").file("a/x", "")),
        refused("41 links to a parent", "more than 40", chain(41).file("l41/x", "")),
        makes(
            "parents that lead out",
            List.of("l", "etc", "etc/x"),
            new Tar().link("l", "../../../etc").file("l/x", "")),
        refused(
            "link through a long name",
            "name of 300 bytes",
            new Tar().pax('x', "linkpath", "n".repeat(300)).link("l", "").file("l/x", "")),
        taken(
            "20,000 hard links, each to the next",
            tree -> {
              assertThat(tree.root().entries()).hasSize(20_001);
              assertThat(tree.root().entries().values().stream().distinct()).hasSize(1);
            },
            out -> {
              repeated(20_000, i -> new Tar().hardLink("l" + i, "l" + (i + 1))).write(out);
              out.write(new Tar().file("l20000", "").unfinished());
            }));
  }

  private static Tar chain(int links) {
    Tar tar = new Tar().directory("l0/");
    for (int i = 1; i <= links; i++) {
      tar.link("l" + i, "l" + (i - 1));
    }
    return tar;
  }

  /** Two links whose targets lead through 1300 components and 36 further links. */
  private static Tar detours() {
    Tar tar = new Tar().directory("d/");
    for (int i = 0; i < 36; i++) {
      tar.link("s" + i, "d");
    }
    StringBuilder target = new StringBuilder();
    for (int i = 0; i < 36; i++) {
      target.append("s").append(i).append("/../");
    }
    while (target.length() < 4088) {
      target.append("d/../");
    }
    for (String link : new String[] {"one", "two"}) {
      tar.pax('x', "linkpath", target + "d").link(link, "");
    }
    return tar;
  }

  private static List<HostileKind> work() {
    return List.of(
        taken(
            "50,000 entries below one link of many components",
            tree -> assertThat(Listing.of(tree).lines()).hasSize(50_000 + 40),
            out -> out.write(detours().unfinished()),
            repeated(50_000, i -> new Tar().file("one/f" + i, ""))),
        refused(
            "100,000 entries below two such links by turns",
            "components and symbolic links",
            out -> out.write(detours().unfinished()),
            repeated(100_000, i -> new Tar().file((i % 2 == 0 ? "one/f" : "two/f") + i % 100, ""))),
        refused(
            "100,000 hard links to targets below such links",
            "components and symbolic links",
            out -> out.write(detours().file("d/f", "").unfinished()),
            repeated(
                100_000,
                i -> new Tar().hardLink("h" + i % 100, (i % 2 == 0 ? "one" : "two") + "/f"))),
        refused(
            "100,000 whiteouts below such links",
            "components and symbolic links",
            out -> out.write(detours().unfinished()),
            repeated(100_000, i -> new Tar().file((i % 2 == 0 ? "one" : "two") + "/.wh.f", ""))),
        refused(
            "20,000 paths of 2,000 components",
            "components and symbolic links",
            repeated(20_000, i -> named("d/".repeat(1990) + i % 2 + "/f"))),
        taken(
            "50,000 opaque whiteouts over 20,000 files",
            tree -> assertThat(Listing.of(tree).lines()).containsOnlyKeys("", "d", "d/new"),
            repeated(20_000, i -> new Tar().file("d/f" + i, "")),
            repeated(50_000, i -> new Tar().file("d/.wh..wh..opq", "").file("d/new", ""))),
        taken(
            "whiteouts below 500 directories that were links",
            tree -> assertThat(Listing.of(tree).lines()).hasSizeGreaterThan(500),
            repeated(500, i -> new Tar().link("l" + i, "d").file("d/f" + i, "")),
            repeated(
                20_000,
                i ->
                    new Tar()
                        .directory("l" + i % 500 + "/")
                        .file("l" + i % 500 + "/" + "x/".repeat(30) + ".wh.f", ""))),
        taken(
            "one name 70,000 times",
            tree -> assertThat(tree.root().entries()).hasSize(1),
            repeated(70_000, i -> new Tar().file("f", ""))));
  }

  private static List<HostileKind> memory() {
    return List.of(
        refused(
            "30,000 links of 4,000 bytes",
            "give it more (-Xmx)",
            repeated(
                30_000, i -> new Tar().pax('x', "linkpath", "t".repeat(4000)).link("l" + i, ""))),
        refused(
            "1,000 attributes of 60,000 bytes",
            "give it more (-Xmx)",
            repeated(
                1000,
                i ->
                    new Tar()
                        .pax('x', "SCHILY.xattr.user.a", "v".repeat(60_000))
                        .file("f" + i, ""))),
        refused(
            "empty attributes without end",
            "give it more (-Xmx)",
            repeated(
                200,
                i -> {
                  String[] records = new String[4000];
                  for (int j = 0; j < records.length; j += 2) {
                    records[j] = "SCHILY.xattr.user." + j;
                    records[j + 1] = "";
                  }
                  return new Tar().pax('x', records).file("f" + i, "");
                })),
        refused(
            "hard links to nothing without end",
            "give it more (-Xmx)",
            repeated(100_000, i -> new Tar().hardLink("h" + i, "nowhere"))),
        refused(
            "hard links without end",
            "give it more (-Xmx)",
            repeated(
                300_000, i -> i == 0 ? new Tar().file("f", "") : new Tar().hardLink("h" + i, "f"))),
        refused(
            "whiteouts of long names without end",
            "give it more (-Xmx)",
            out -> out.write(new Tar().file("f", "").unfinished()),
            repeated(
                20_000,
                i -> new Tar().pax('x', "path", "d/".repeat(1000) + ".wh." + i).file("w", ""))));
  }
}
