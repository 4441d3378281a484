package dev.nexrootfs.tar;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.nexrootfs.ext4.ondisk.PosixAcl;
import java.nio.charset.StandardCharsets;
import java.util.HexFormat;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

class TextAclTest {
  private static final String EXTENDED =
      "02000000"
          + "01000600ffffffff"
          + "02000400e8030000"
          + "0200060070170000"
          + "04000400ffffffff"
          + "10000600ffffffff"
          + "20000000ffffffff";

  @ParameterizedTest
  @ValueSource(
      strings = {
        "user::rw-\nuser:1000:r--\nuser:6000:rw-\ngroup::r--\nmask::rw-\nother::---\n",
        "user::rw-,group::r--,user:joe:rw-:6000,other::---,user:ann:r--:1000,mask::rw-",
        "default:user::rw-\nd:u:6000:rw-\nu:1000:r--\ng::r--\nm:rw-\no:---",
        "user::rw-\nuser:6000:rw-\nuser:1000:4\t#effective:r--\ngroup::r--\nmask::6\nother::0\n#\n",
      })
  void formsOfAllProgramsGiveTheSameAttribute(String text) {
    TextAcl acl = parse(text);
    assertThat(HexFormat.of().formatHex(acl.xattr())).isEqualTo(EXTENDED);
    assertThat(acl.permissions()).isEqualTo(0660);
    assertThat(PosixAcl.toXattr(PosixAcl.toDisk(acl.xattr()))).isEqualTo(acl.xattr());
  }

  @Test
  void listOfThreeEntriesIsAMode() {
    TextAcl acl = parse("user::rwx\ngroup::r-x\nother::--x\n");
    assertThat(acl.isMinimal()).isTrue();
    assertThat(acl.permissions()).isEqualTo(0751);
  }

  @ParameterizedTest
  @CsvSource(
      delimiter = '|',
      value = {
        "user:joe:rwx | joe",
        "user:1:rwx:x | number",
        "user:4294967295:rwx | 4294967294",
        "user:1:rwx,user:1:r-- | twice",
        "user:1:rxw | permissions",
        "mask:1:rwx | name where none can be",
        "owner@:rwx | no entry",
        "user:1:rwx:1:1 | no entry",
        "user:1:rwx,other::r-- | twice",
        "user:1:rwx | mask",
      })
  void listThatIsNoneIsRefusedByItsEntry(String entries, String part) {
    assertThatThrownBy(() -> parse("user::rwx,group::r-x,other::r-x," + entries))
        .isInstanceOf(IllegalArgumentException.class)
        .hasMessageContaining(part);
  }

  private static TextAcl parse(String text) {
    return TextAcl.parse(text.getBytes(StandardCharsets.ISO_8859_1));
  }
}
