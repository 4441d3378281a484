package dev.nexrootfs.oci;

import static org.assertj.core.api.Assertions.assertThat;

import java.util.Comparator;
import java.util.List;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

class PlatformTest {
  @ParameterizedTest
  @CsvSource({
    "linux/arm, 'linux/arm/v5 linux/arm/v6 linux/arm/v7 linux/arm/v8', linux/arm/v7",
    "linux/arm/v6, 'linux/arm/v7 linux/arm/v5 linux/arm/v6', linux/arm/v6",
    "linux/arm/v7, 'linux/arm/v5 linux/arm', linux/arm",
    "linux/arm/v6, 'linux/arm/v7 linux/arm', none",
    "linux/arm64, 'linux/arm64', linux/arm64",
    "linux/arm64, 'linux/arm64/v8', linux/arm64/v8",
    "linux/arm64/v8, 'linux/arm64', linux/arm64",
    "linux/amd64, 'linux/amd64/v3 linux/amd64/v2', none",
    "linux/amd64, 'linux/amd64/v3 linux/amd64', linux/amd64",
    "linux/amd64/v3, 'linux/amd64 linux/amd64/v2 linux/amd64/v4', linux/amd64/v2",
    "linux/amd64, 'windows/amd64 linux/arm64', none",
    "linux/riscv64, 'linux/riscv64', linux/riscv64",
    "linux/mips/x, 'linux/mips/y', none"
  })
  void theHighestVariantThatRunsHereIsChosen(String wanted, String offered, String chosen) {
    Platform platform = Platform.parse(wanted);
    List<Platform> runs =
        List.of(offered.split(" ", -1)).stream()
            .map(Platform::parse)
            .filter(candidate -> platform.suits(candidate).isPresent())
            .sorted(
                Comparator.comparing((Platform candidate) -> platform.suits(candidate).getAsInt())
                    .reversed())
            .toList();
    assertThat(runs.isEmpty() ? "none" : runs.get(0).toString()).isEqualTo(chosen);
  }
}
