# mod_auth_aten: build, install, demo, test. See README.
#
#   make             mod_auth_aten.so            make install   into httpd, by apxs
#   make deps        Debian packages needed      make demo      an ENT to click through on this machine
#   make test        everything (.ci/run)        make bench     CPU per request, as ratios
#   make soak        the long fault tests        make fuzz      libFuzzer
#   make SANITIZE=1  with AddressSanitizer and UndefinedBehaviorSanitizer, into build-asan/

APXS      ?= apxs
PKGCONFIG ?= pkg-config
CC        := $(shell $(APXS) -q CC 2>/dev/null || echo cc)
STATE_DIR ?= /var/lib/apache2/auth_aten
SBINDIR   ?= /usr/local/sbin
MANDIR    ?= /usr/local/share/man
VERSION   := $(shell sed -n 's/^\#define MOD_ATEN_VERSION "\(.*\)"/\1/p' mod_auth_aten.h)

PKGS := libcurl xmlsec1-openssl libxml-2.0 libcrypto libssl jansson lmdb zlib hiredis

ifdef SANITIZE
BUILD    := build-asan
SAN      := -fsanitize=address,undefined -fno-sanitize-recover=undefined -fno-omit-frame-pointer
OPTIMIZE := -O1 -g
else
BUILD    := build
SAN      :=
OPTIMIZE := -O2 -g -fstack-protector-strong -D_FORTIFY_SOURCE=2
endif
MODULE := $(if $(SANITIZE),$(BUILD)/,)mod_auth_aten.so

WARN := -Wall -Wextra -Wshadow -Wconversion -Wmissing-prototypes -Wstrict-prototypes -Wpointer-arith -Wundef \
        -Wformat=2 -Werror=format-security -Wvla -Werror
HTTPD_CFLAGS = $(shell $(APXS) -q EXTRA_CPPFLAGS) -isystem $(shell $(APXS) -q INCLUDEDIR)
APR_CFLAGS   = $(patsubst -I%,-isystem %,$(shell apr-1-config --cppflags --includes) $(shell apu-1-config --includes))
LIB_CFLAGS   = $(patsubst -I%,-isystem %,$(shell $(PKGCONFIG) --cflags $(PKGS)))
CFLAGS_ALL   = -std=c11 -fPIC -fvisibility=hidden $(OPTIMIZE) $(SAN) $(WARN) -D_GNU_SOURCE -I. -Isrc \
               -DATEN_STATE_DIR='"$(STATE_DIR)"' $(APR_CFLAGS) $(LIB_CFLAGS) $(CFLAGS)
LIBS         = $(shell $(PKGCONFIG) --libs $(PKGS)) $(shell apu-1-config --link-ld) $(shell apr-1-config --link-ld)

LOGIC_SRC := $(sort $(wildcard src/aten_*.c))
GLUE_SRC  := mod_auth_aten.c $(sort $(wildcard src/mod_aten_*.c))
LOGIC_OBJ := $(LOGIC_SRC:%.c=$(BUILD)/%.o)
GLUE_OBJ  := $(GLUE_SRC:%.c=$(BUILD)/%.o)
COMMAND_SRC := $(sort $(wildcard command/*.c))
COMMAND_OBJ := $(COMMAND_SRC:%.c=$(BUILD)/%.o)
COMMAND   := $(BUILD)/aten-session
UNIT_SRC  := $(sort $(wildcard t/unit/*.c))
UNIT_BIN  := $(UNIT_SRC:%.c=$(BUILD)/%)

.DEFAULT_GOAL := all
.PHONY: all deps deps-bench install demo test unit bench bench-saml bench-ended bench-short soak fuzz clean
.SECONDARY:

all: $(MODULE) $(COMMAND)

# Only the module record is visible from outside: -fvisibility=hidden, and AP_DECLARE_MODULE exports it.
$(MODULE): $(GLUE_OBJ) $(BUILD)/libaten.a
	$(CC) -shared $(SAN) -Wl,-z,relro,-z,now -o $@ $(GLUE_OBJ) $(BUILD)/libaten.a $(LIBS)

# The command knows no httpd either, so that it works while httpd does not.
$(COMMAND): $(COMMAND_OBJ) $(BUILD)/libaten.a
	$(CC) $(SAN) -Wl,-z,relro,-z,now -o $@ $(COMMAND_OBJ) $(BUILD)/libaten.a $(LIBS)

# The logic must not know httpd: an ap_* symbol in the library fails the build.
$(BUILD)/libaten.a: $(LOGIC_OBJ)
	@rm -f $@
	$(AR) rcs $@ $^
	@if nm -u $@ | grep -E ' ap_'; then echo "libaten.a uses httpd"; rm -f $@; exit 1; fi

$(BUILD)/src/aten_%.o: src/aten_%.c
	@mkdir -p $(@D)
	$(CC) $(CFLAGS_ALL) -MMD -MP -c -o $@ $<

$(BUILD)/command/%.o: command/%.c
	@mkdir -p $(@D)
	$(CC) $(CFLAGS_ALL) -DATEN_VERSION='"$(VERSION)"' -MMD -MP -c -o $@ $<

$(BUILD)/%.o: %.c
	@mkdir -p $(@D)
	$(CC) $(CFLAGS_ALL) $(HTTPD_CFLAGS) -MMD -MP -c -o $@ $<

$(BUILD)/t/unit/%: t/unit/%.c $(BUILD)/libaten.a
	@mkdir -p $(@D)
	$(CC) $(CFLAGS_ALL) -Wno-missing-prototypes -Wno-unused-parameter -It/unit -MMD -MP -o $@ $< $(BUILD)/libaten.a -lcmocka $(LIBS)

-include $(LOGIC_OBJ:.o=.d) $(GLUE_OBJ:.o=.d) $(COMMAND_OBJ:.o=.d) $(UNIT_BIN:=.d)

# Fuzzing: replayed over the seeds and a bounded number of changes of them in make test; make fuzz lets libFuzzer look
# for more (clang and its runtime), FUZZ_SECONDS for each target.
FUZZ_SRC     := $(sort $(wildcard fuzz/fuzz_*.c))
FUZZ_BIN     := $(FUZZ_SRC:%.c=$(BUILD)/%)
FUZZ_SECONDS ?= 120

$(BUILD)/fuzz/fuzz_%: fuzz/fuzz_%.c fuzz/replay.c fuzz/fuzz.h $(BUILD)/libaten.a
	@mkdir -p $(@D)
	$(CC) $(CFLAGS_ALL) -Wno-missing-prototypes -Ifuzz -o $@ $< fuzz/replay.c $(BUILD)/libaten.a $(LIBS)

build-fuzz/fuzz_%: fuzz/fuzz_%.c fuzz/fuzz.h $(LOGIC_SRC)
	@mkdir -p $(@D)
	clang -std=c11 -g -O1 -fsanitize=fuzzer,address,undefined -D_GNU_SOURCE -I. -Isrc -Ifuzz \
	    -DATEN_STATE_DIR='"$(STATE_DIR)"' $(APR_CFLAGS) $(LIB_CFLAGS) -o $@ $< $(LOGIC_SRC) $(LIBS)

fuzz: deps-fuzz
	@$(MAKE) $(FUZZ_SRC:fuzz/%.c=build-fuzz/%)
	@for t in $(FUZZ_SRC:fuzz/fuzz_%.c=%); do \
	    mkdir -p build-fuzz/corpus-$$t; \
	    build-fuzz/fuzz_$$t -max_total_time=$(FUZZ_SECONDS) -max_len=8192 -artifact_prefix=build-fuzz/$$t- \
	        build-fuzz/corpus-$$t fuzz/seeds/$$t || exit 1; \
	done

.PHONY: deps-fuzz
deps-fuzz:
	@sh scripts/deps.sh fuzz

unit: $(UNIT_BIN)
	@for t in $(UNIT_BIN); do $$t || exit 1; done

install: all
	$(APXS) -i -n auth_aten mod_auth_aten.so
	install -d $(DESTDIR)$(SBINDIR) $(DESTDIR)$(MANDIR)/man8
	install -m 755 $(COMMAND) $(DESTDIR)$(SBINDIR)/aten-session
	install -m 644 command/aten-session.8 $(DESTDIR)$(MANDIR)/man8/aten-session.8

clean:
	rm -rf build build-asan build-fuzz mod_auth_aten.so

# deps may install the compiler and apxs: what is built after it is built by another make, which finds them.
deps:
	@sh scripts/deps.sh test

demo:
	@sh scripts/deps.sh demo
	@$(MAKE) -j$$(nproc) all
	@demo/run

test: deps
	@$(MAKE) -j$$(nproc) all $(UNIT_BIN) $(BUILD)/bench/fill_store
	@$(MAKE) -j$$(nproc) SANITIZE=1 all $(UNIT_BIN:build/%=build-asan/%) $(FUZZ_BIN:build/%=build-asan/%)
	@t/TEST

# CPU per request and per login, as ratios to bare httpd; BENCH_ROUNDS and BENCH_SECONDS bound it.
bench: deps-bench
	@bench/run

# CPU per SAML login and of its parts, beside mod_auth_mellon; BENCH_LOGINS bounds it.
bench-saml: deps-bench
	@bench/saml

# CPU of a request with a session before and after there were ended sessions, with one and with a million of them.
bench-ended: deps-bench
	@$(MAKE) -j$$(nproc) $(BUILD)/bench/fill_store
	@bench/ended

# The long forms of the fault tests: killed children and servers, Redis away and back, floods. SOAK_MINUTES bounds it.
soak: deps
	@$(MAKE) -j$$(nproc) all
	@soak/run

# Whether it works, not what it costs: about a minute.
bench-short: deps-bench
	@BENCH_ROUNDS=3 BENCH_LOGINS=5 BENCH_COUNT=0 bench/run
	@BENCH_LOGINS=3 BENCH_COUNT=0 bench/saml

deps-bench:
	@sh scripts/deps.sh bench
	@$(MAKE) -j$$(nproc) all $(BUILD)/bench/saml_bench

$(BUILD)/bench/%: bench/%.c $(BUILD)/libaten.a
	@mkdir -p $(@D)
	$(CC) $(CFLAGS_ALL) -Wno-missing-prototypes -MMD -MP -o $@ $< $(BUILD)/libaten.a $(LIBS)
