# make demo      installs what is missing, builds, starts everything, plays the story   (RESET=1 afresh, ITEMS=, SEED=)
# make up        the same without the story
# make test      all tests, those on the real engines included
# make bench     measures this machine                                                  (ITEMS= packs that are stored)
# make bench-capture   measures the capture of documents up to 200 MB, JSON and XML
# make bench-queries   measures EPCIS queries over stored events, after they have been stored  (EVENTS= 10000000)
# make bench-beside    measures sealing beside Tessera and immudb, where Go is installed            (EVENTS= 10000000)
# make faults    kills every process twenty times and more under load; three quarters of an hour
# make api       asks what our OpenAPI describes, generated right and wrong; two minutes        (SECONDS_EACH=, SEED=)
# make fuzz      every parser of bytes from outside, each for a minute                      (SECONDS= of each target)
# make deps      only installs what is missing; make engines only fetches Kafka and ClickHouse

DATA  ?= data
PORTS ?= 7080
ITEMS ?= 1000
SEED  ?= 1
SECONDS ?= 60
RESET ?=

KAFKA      := deploy/kafka/libs/.complete
KAFKA_PERF := deploy/kafka/libs/.complete-bench
CLICKHOUSE := deploy/clickhouse/node_modules/.package-lock.json
START      := --data $(DATA) --ports $(PORTS) $(if $(filter-out 0,$(RESET)),--reset)

# Where rustup puts cargo.
export PATH := $(PATH):$(HOME)/.cargo/bin

.PHONY: help demo up test bench faults api deps engines kafka clickhouse build bench-capture bench-queries bench-beside fuzz
.DELETE_ON_ERROR:

help:
	@sed -n 's/^# make/make/p' Makefile

demo: build engines
	exec target/release/medtrace demo $(START) --items $(ITEMS) --seed $(SEED)

up: build engines
	exec target/release/medtrace up $(START)

# The tests start the stack from its binaries, so these are built first.
test: deps engines
	cargo build --locked --workspace --bins
	cargo test --locked --workspace

bench: build engines $(KAFKA_PERF)
	exec target/release/medtrace --data $(DATA) bench $(if $(filter command line,$(origin ITEMS)),--items $(ITEMS))

bench-capture: build engines
	exec target/release/medtrace --data $(DATA) bench --capture

bench-queries: build engines
	exec target/release/medtrace --data $(DATA) bench --queries $(or $(EVENTS),10000000)

bench-beside: build engines
	tests/beside/run.sh

faults: build engines
	MEDTRACE_FAULTS=long cargo test --locked --release -p medtrace-tests --test faults -- --nocapture
	MEDTRACE_FAULTS=long cargo test --locked --release -p medtrace-chainer --test kills -- --nocapture

api: deps engines
	cargo build --locked --workspace --bins
	tests/api/run.sh

# Needs nothing but the toolchain and a C++ compiler.
fuzz:
	SECONDS_EACH=$(SECONDS) tests/fuzz/run.sh

build: deps
	cargo build --locked --release --workspace --bins

deps:
	@deploy/deps.sh

engines: kafka clickhouse
kafka: $(KAFKA)
clickhouse: $(CLICKHOUSE)

$(KAFKA): deploy/kafka/pom.xml | deps
	@echo "Kafka's jars from Maven Central (44 MB):"
	rm -rf deploy/kafka/libs
	mvn -f $< dependency:copy-dependencies -DoutputDirectory=libs -DincludeScope=runtime
	touch $@

$(KAFKA_PERF): $(KAFKA)
	mvn -f deploy/kafka/pom.xml -Pbench dependency:copy-dependencies -DoutputDirectory=libs -DincludeScope=runtime
	touch $@

$(CLICKHOUSE): deploy/clickhouse/package.json deploy/clickhouse/package-lock.json | deps
	@echo "The ClickHouse engine from npm (178 MB to fetch, 543 MB on disk):"
	npm ci --prefix deploy/clickhouse --loglevel=http
	touch $@
