package dev.nexrootfs.build;

import dev.nexrootfs.ext4.LayoutException;
import dev.nexrootfs.layer.CacheFullException;
import dev.nexrootfs.layer.InvalidLayerException;
import dev.nexrootfs.oci.DigestMismatchException;
import dev.nexrootfs.oci.ImageNotFoundException;
import dev.nexrootfs.oci.InvalidImageException;
import dev.nexrootfs.protocol.ErrorCode;
import dev.nexrootfs.protocol.RequestException;
import dev.nexrootfs.registry.RegistryException;
import dev.nexrootfs.sandbox.ScriptException;
import dev.nexrootfs.store.StoreException;
import dev.nexrootfs.tar.TarException;
import java.io.IOException;
import java.nio.file.AccessDeniedException;
import java.nio.file.FileSystemException;
import java.nio.file.NoSuchFileException;
import java.util.Objects;

/** From the exceptions of the floors below to the codes that requesters are told. */
public final class Failures {
  private Failures() {}

  static RequestException of(LayoutException e) {
    ErrorCode code =
        switch (e.reason()) {
          case TOO_SMALL -> ErrorCode.TOO_SMALL;
          case TOO_LARGE -> ErrorCode.TOO_LARGE;
          case INVALID -> ErrorCode.INVALID_LAYER;
          case UNSUPPORTED -> ErrorCode.UNSUPPORTED;
        };
    return new RequestException(code, message(e), e);
  }

  /** What a requester is told of {@code e}, which stopped the reading of an input. */
  public static RequestException of(IOException e) {
    if (e instanceof RegistryException registry && registry.retryAfter().isPresent()) {
      return RequestException.retryAfter(
          ErrorCode.REGISTRY_FAILED, message(e), registry.retryAfter().get().toMillis());
    }
    return new RequestException(codeOf(e), message(e), e);
  }

  private static ErrorCode codeOf(IOException e) {
    if (e instanceof ScriptException script) {
      return switch (script.reason()) {
        case FAILED -> ErrorCode.SCRIPT_FAILED;
        case TIMED_OUT -> ErrorCode.SCRIPT_TIMED_OUT;
        case MEMORY -> ErrorCode.SCRIPT_MEMORY;
        case PROCESSES -> ErrorCode.SCRIPT_PROCESSES;
        case DISK -> ErrorCode.SCRIPT_DISK;
        case OUTPUT -> ErrorCode.SCRIPT_OUTPUT;
        case TREE -> ErrorCode.SCRIPT_TREE;
        case DIFFERS -> ErrorCode.SCRIPT_DIFFERS;
      };
    }
    if (e instanceof StoreException store) {
      return switch (store.reason()) {
        case NO_JETSTREAM -> ErrorCode.NO_JETSTREAM;
        case NO_BUCKET -> ErrorCode.NO_BUCKET;
        case NO_OBJECT -> ErrorCode.INPUT_NOT_FOUND;
        case BUCKET_FULL -> ErrorCode.BUCKET_FULL;
        case CORRUPT -> ErrorCode.DIGEST_MISMATCH;
        case LEFT_OUT, REPLACED, FAILED -> ErrorCode.STORE_FAILED;
      };
    }
    if (e instanceof RegistryException registry) {
      return switch (registry.reason()) {
        case NOT_FOUND -> ErrorCode.IMAGE_NOT_FOUND;
        case DENIED -> ErrorCode.REGISTRY_DENIED;
        case RATE_LIMITED, FAILED -> ErrorCode.REGISTRY_FAILED;
        case NOT_ALLOWED -> ErrorCode.SOURCE_NOT_ALLOWED;
      };
    }
    if (e instanceof CacheFullException) {
      return ErrorCode.CACHE_FULL;
    }
    if (e instanceof ImageNotFoundException) {
      return ErrorCode.IMAGE_NOT_FOUND;
    }
    if (e instanceof InvalidImageException) {
      return ErrorCode.INVALID_IMAGE;
    }
    if (e instanceof DigestMismatchException) {
      return ErrorCode.DIGEST_MISMATCH;
    }
    if (e instanceof InvalidLayerException || e instanceof TarException) {
      return ErrorCode.INVALID_LAYER;
    }
    return ErrorCode.WORKER_IO;
  }

  /** What is wrong, where, for a person. */
  public static String message(Exception e) {
    if (e instanceof FileSystemException file) {
      return file.getFile() + ": " + reason(file);
    }
    return Objects.requireNonNullElse(e.getMessage(), e.toString());
  }

  /** Its message is the path alone; the type says what is wrong. */
  private static String reason(FileSystemException e) {
    if (e instanceof NoSuchFileException) {
      return "there is no such file or directory";
    }
    if (e instanceof AccessDeniedException) {
      return "permission denied";
    }
    return Objects.requireNonNullElse(e.getReason(), e.getClass().getSimpleName());
  }
}
