# duet-probe: what `duet compare` runs inside a workload, and on the host, to measure the same things there.
PROBE := $(NATIVE)/probe
PROBE_SOURCES := $(addprefix $(PROBE)/,main.c report.c processor.c files.c network.c facts.c)

PROGRAMS += $(OUT)/duet-probe
ASAN_PROGRAMS += $(OUT)/asan/duet-probe

$(OUT)/duet-probe: $(PROBE_SOURCES) $(PROBE)/probe.h | $(OUT)
	$(MUSL_CC) $(MUSL_FLAGS) -o $@.tmp$$$$ $(PROBE_SOURCES) && mv $@.tmp$$$$ $@

$(OUT)/asan/duet-probe: $(PROBE_SOURCES) $(PROBE)/probe.h | $(OUT)/asan
	$(ASAN_CC) $(ASAN_FLAGS) -o $@.tmp$$$$ $(PROBE_SOURCES) && mv $@.tmp$$$$ $@
