package dev.nexrootfs.service;

import static org.assertj.core.api.Assertions.assertThat;

import com.fasterxml.jackson.databind.ObjectMapper;
import dev.nexrootfs.oci.OciImages;
import dev.nexrootfs.oracle.Elf;
import dev.nexrootfs.oracle.NatsServer;
import dev.nexrootfs.oracle.Tar;
import dev.nexrootfs.protocol.ErrorBody;
import dev.nexrootfs.protocol.ErrorCode;
import dev.nexrootfs.protocol.Protocol;
import dev.nexrootfs.protocol.Subjects;
import dev.nexrootfs.store.Buckets;
import io.nats.client.Connection;
import io.nats.client.Message;
import io.nats.client.NUID;
import io.nats.client.impl.Headers;
import java.io.ByteArrayInputStream;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.List;
import java.util.Map;

/** A service on a real server with a base image, an agent, and a plain NATS client to ask it. */
final class ServiceFixture {
  static final Duration PATIENCE = Duration.ofSeconds(20);
  static final ObjectMapper JSON = new ObjectMapper();

  final NatsServer server;
  final Connection client;
  final Connection store;
  final TestPool pool;
  final Subjects subjects;
  final String bucket;
  final String inputs = "INPUTS" + NUID.nextGlobal();
  final Path directory;

  ServiceFixture(Path directory) throws Exception {
    this.directory = directory;
    server = NatsServer.start();
    client = NatsServer.connect(server.url());
    pool = new TestPool(server.url(), directory);
    subjects = pool.subjects;
    bucket = pool.bucket;
    store = pool.admin;
    Buckets buckets = new Buckets(store);
    buckets.create(inputs, "inputs", -1, 1);
    buckets
        .open(inputs)
        .putIfAbsent(
            "agent", "", Map.of(), () -> new ByteArrayInputStream(Elf.amd64()), done -> {});
    OciImages.in(directory.resolve("base"))
        .layer(
            new Tar()
                .directory("etc/")
                .file("sbin/init", "#!")
                .file("sbin/openrc-run", "#!")
                .bytes())
        .write();
    pool.worker("test", 1, Duration.ofSeconds(60), -1, List.of(inputs));
  }

  void close() throws Exception {
    pool.close();
    client.close();
    server.close();
  }

  void put(String name) throws IOException {
    new Buckets(store)
        .open(bucket)
        .putIfAbsent(name, "", Map.of(), () -> new ByteArrayInputStream(new byte[1]), done -> {});
  }

  String base() {
    return "oci:" + directory.resolve("base");
  }

  String agent() {
    return "nats://" + inputs + "/agent";
  }

  String hostile(Tar tar) throws IOException {
    return "oci:"
        + OciImages.in(Files.createTempDirectory(directory, "hostile")).layer(tar.bytes()).write();
  }

  Message ask(String json) throws Exception {
    return ask(json, new Headers());
  }

  Message ask(String json, Headers headers) throws Exception {
    Message answer = client.request(subjects.build(), headers, json(json), PATIENCE);
    assertThat(answer).as("an answer to %s", json).isNotNull();
    return answer;
  }

  void refused(String json, ErrorCode code) throws Exception {
    Message answer = ask(json);
    assertThat(answer.hasHeaders()).isTrue();
    ErrorBody.Detail error = Protocol.read(answer.getData(), ErrorBody.class).error();
    assertThat(error.code()).as("%s: %s", json, error.message()).isEqualTo(code);
    assertThat(error.message()).isNotBlank();
    assertThat(answer.getHeaders().getFirst(Subjects.ERROR_HEADER)).startsWith(code + ": ");
    assertThat(answer.getHeaders().getFirst(Subjects.ERROR_CODE_HEADER))
        .isEqualTo("" + code.number());
  }

  long messages() throws Exception {
    return client
        .jetStreamManagement()
        .getStreamInfo("OBJ_" + bucket)
        .getStreamState()
        .getMsgCount();
  }

  static byte[] json(String text) {
    return text.getBytes(StandardCharsets.UTF_8);
  }
}
