# nex-rootfs. The two commands for a fresh machine are "make demo" and "make test"; they install what is missing.

MVN ?= mvn
MVN_FLAGS ?= -B -q -ntp
JAR := worker/target/nex-rootfs.jar
SOURCES := pom.xml $(shell find protocol worker -name target -prune -o \( -path '*/src/main/*' -o -name pom.xml \) -type f -print)
export PATH := $(CURDIR)/.cache/bin:$(PATH):/usr/sbin:/sbin

FUZZ_SECONDS ?= 3600

.PHONY: help jar image demo test soak check bench fuzz fmt clean
help:
	@echo 'make jar     the runnable jar, $(JAR)'
	@echo 'make image   a container image of it, by docker, podman or buildah; JRE=IMAGE for another base'
	@echo 'make demo    the whole way once, on this machine'
	@echo 'make test    every test, with real servers, kernels and tools'
	@echo 'make soak    the same with the long tests of images in use, and 1000 random trees'
	@echo 'make check   format, compile, unit tests'
	@echo 'make bench   ratios against mke2fs -d, cat, skopeo and umoci, as root'
	@echo 'make fuzz    Jazzer on layers and manifests, FUZZ_SECONDS=3600 each'
	@echo 'make fmt     formats the sources'

jar: $(JAR)
$(JAR): $(SOURCES)
	@deploy/setup/install.sh build
	$(MVN) $(MVN_FLAGS) package -DskipTests
	@touch $@
	@deploy/setup/archive.sh $@ || echo 'going on without a class archive: each start takes longer' >&2

image: jar
	@deploy/container/build.sh

demo:
	@deploy/setup/install.sh demo
	@$(MAKE) --no-print-directory jar
	@deploy/demo/demo.sh

test:
	@deploy/setup/install.sh test
	$(MVN) -B -ntp spotless:check verify

soak:
	@deploy/setup/install.sh test
	$(MVN) -B -ntp spotless:check verify -DexcludedGroups=none -Dnex-rootfs.random-trees=1000

check:
	@deploy/setup/install.sh build
	$(MVN) -B -ntp spotless:check test

bench:
	@deploy/setup/install.sh bench
	@$(MAKE) --no-print-directory jar
	$(MVN) $(MVN_FLAGS) test-compile
	@deploy/bench/bench.sh

fuzz:
	@deploy/setup/install.sh build
	@deploy/fuzz/fuzz.sh LayerFuzz $(FUZZ_SECONDS)
	@deploy/fuzz/fuzz.sh ManifestFuzz $(FUZZ_SECONDS)

fmt:
	$(MVN) $(MVN_FLAGS) spotless:apply

clean:
	$(MVN) $(MVN_FLAGS) clean
