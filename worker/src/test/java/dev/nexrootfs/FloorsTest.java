package dev.nexrootfs;

import static com.tngtech.archunit.base.DescribedPredicate.alwaysTrue;
import static com.tngtech.archunit.base.DescribedPredicate.not;
import static com.tngtech.archunit.core.domain.JavaClass.Predicates.resideInAnyPackage;
import static com.tngtech.archunit.core.domain.JavaClass.Predicates.simpleName;
import static com.tngtech.archunit.lang.syntax.ArchRuleDefinition.noClasses;
import static com.tngtech.archunit.library.Architectures.layeredArchitecture;
import static com.tngtech.archunit.library.dependencies.SlicesRuleDefinition.slices;

import com.tngtech.archunit.core.domain.JavaClasses;
import com.tngtech.archunit.core.importer.ClassFileImporter;
import com.tngtech.archunit.core.importer.ImportOption;
import com.tngtech.archunit.library.Architectures.LayeredArchitecture;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.Test;

/** The floors: a package imports only what is listed here, all of it from below. */
class FloorsTest {
  private static final Map<String, List<String>> MAY_IMPORT = new LinkedHashMap<>();

  static {
    // 4
    MAY_IMPORT.put(
        "cli",
        List.of(
            "service",
            "build",
            "store",
            "registry",
            "sandbox",
            "layer",
            "ext4.read",
            "oci",
            "tls",
            "tar",
            "tree",
            "protocol"));
    // 3
    MAY_IMPORT.put("service", List.of("build", "store", "ext4", "protocol"));
    // 2
    MAY_IMPORT.put(
        "build",
        List.of("ext4", "layer", "registry", "sandbox", "store", "oci", "tar", "tree", "protocol"));
    // 1
    MAY_IMPORT.put("ext4", List.of("ext4.ondisk", "tree"));
    // Not ext4: what judges our images shares no code with what makes them.
    MAY_IMPORT.put("ext4.read", List.of("ext4.ondisk", "tree"));
    MAY_IMPORT.put("layer", List.of("oci", "tar", "tree"));
    // A script's tree is a layer's, and so is what it did.
    MAY_IMPORT.put("sandbox", List.of("layer", "oci", "tar", "tree"));
    MAY_IMPORT.put("registry", List.of("oci", "tls"));
    MAY_IMPORT.put("store", List.of("oci"));
    // 0
    MAY_IMPORT.put("oci", List.of("tar"));
    MAY_IMPORT.put("tar", List.of("tree"));
    MAY_IMPORT.put("tls", List.of());
    MAY_IMPORT.put("tree", List.of());
    MAY_IMPORT.put("ext4.ondisk", List.of());
    MAY_IMPORT.put("protocol", List.of());
  }

  private static final JavaClasses CLASSES =
      new ClassFileImporter()
          .withImportOption(ImportOption.Predefined.DO_NOT_INCLUDE_TESTS)
          .importPackages("dev.nexrootfs");

  @Test
  void everyPackageImportsOnlyWhatItsFloorMay() {
    LayeredArchitecture floors = layeredArchitecture().consideringOnlyDependenciesInLayers();
    for (String name : MAY_IMPORT.keySet()) {
      floors = floors.layer(name).definedBy("dev.nexrootfs." + name);
    }
    for (Map.Entry<String, List<String>> entry : MAY_IMPORT.entrySet()) {
      String[] below = entry.getValue().toArray(String[]::new);
      floors =
          below.length == 0
              ? floors.whereLayer(entry.getKey()).mayNotAccessAnyLayer()
              : floors.whereLayer(entry.getKey()).mayOnlyAccessLayers(below);
    }
    floors.check(CLASSES);
  }

  @Test
  void everyPackageHasAFloor() {
    String[] floors =
        MAY_IMPORT.keySet().stream().map(name -> "dev.nexrootfs." + name).toArray(String[]::new);
    noClasses()
        .that()
        .resideInAPackage("dev.nexrootfs..")
        .should()
        .resideOutsideOfPackages(floors)
        .check(CLASSES);
  }

  /** An error in an encoder would hide from a reader that uses it; ACLs are not ext4's own. */
  @Test
  void readerSharesNoCodeWithTheEncoders() {
    noClasses()
        .that()
        .resideInAPackage("dev.nexrootfs.ext4.read")
        .should()
        .dependOnClassesThat(
            resideInAnyPackage("dev.nexrootfs.ext4.ondisk").and(not(simpleName("PosixAcl"))))
        .check(CLASSES);
  }

  @Test
  void packagesFormNoCycle() {
    slices().matching("dev.nexrootfs.(**)").should().beFreeOfCycles().check(CLASSES);
  }

  @Test
  void natsIsKnownToStoreServiceAndCliOnly() {
    onlyIn("io.nats..", "store", "service", "cli");
  }

  @Test
  void jsonIsKnownToProtocolOciAndTheirUsersOnly() {
    onlyIn("com.fasterxml.jackson..", "protocol", "oci", "registry", "build", "store", "cli");
  }

  @Test
  void compressionIsKnownToLayerOnly() {
    onlyIn("org.apache.commons.compress..", "layer");
    onlyIn("com.github.luben.zstd..", "layer");
  }

  /** Tests too: the settings of {@code Transport} hold only where it is first to use the client. */
  @Test
  void httpClientIsTheRegistrysAlone() {
    noClasses()
        .that()
        .resideOutsideOfPackage("dev.nexrootfs.registry")
        .should()
        .dependOnClassesThat(resideInAnyPackage("java.net.http.."))
        .check(new ClassFileImporter().importPackages("dev.nexrootfs"));
  }

  @Test
  void noPackageIsADrawer() {
    noClasses()
        .that(alwaysTrue())
        .should()
        .resideInAnyPackage("..util..", "..common..", "..model..", "..impl..", "..manager..")
        .check(CLASSES);
  }

  private static void onlyIn(String library, String... packages) {
    String[] allowed =
        java.util.Arrays.stream(packages)
            .map(name -> "dev.nexrootfs." + name)
            .toArray(String[]::new);
    noClasses()
        .that()
        .resideOutsideOfPackages(allowed)
        .should()
        .dependOnClassesThat(resideInAnyPackage(library))
        .check(CLASSES);
  }
}
