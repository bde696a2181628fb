SHIM_SOURCES := $(addprefix $(NATIVE)/shim/,main.c loop.c spawn.c client.c hub.c process.c launch.c console.c mounts.c \
	record.c shim.c requests.c memory.c container.c execs.c enter.c machine.c words.c appliance.c offers.c offer.c offer6.c bridge-address.c forward.c agent.c remote.c jail.c filter.c handover.c tap.c) \
	$(NATIVE)/shared/jsonlog.c $(SHARED) $(NETSETUP) $(PROGRAM) $(TUNNEL)
SHIM_HEADERS := $(HEADERS) $(wildcard $(NATIVE)/shim/*.h)

PROGRAMS += $(OUT)/duet-shim $(OUT)/duet-init
ASAN_PROGRAMS += $(OUT)/asan/duet-shim

$(OUT)/duet-shim: $(SHIM_SOURCES) $(SHIM_HEADERS) $(MAKEFILE_LIST) | $(OUT)
	$(MUSL_CC) $(MUSL_FLAGS) -o $@.tmp$$$$ $(SHIM_SOURCES) && mv $@.tmp$$$$ $@

$(OUT)/duet-init: $(NATIVE)/shim/init.c | $(OUT)
	$(MUSL_CC) $(MUSL_FLAGS) -o $@.tmp$$$$ $< && mv $@.tmp$$$$ $@

$(OUT)/asan/duet-shim: $(SHIM_SOURCES) $(SHIM_HEADERS) $(MAKEFILE_LIST) | $(OUT)/asan
	$(ASAN_CC) $(ASAN_FLAGS) -o $@.tmp$$$$ $(SHIM_SOURCES) && mv $@.tmp$$$$ $@

ASAN_PROGRAMS += $(OUT)/asan/fuzz-offer $(OUT)/asan/fuzz-offer6

$(OUT)/asan/fuzz-offer: $(NATIVE)/shim/fuzz/fuzz.c $(FUZZ)/random.h $(NATIVE)/shim/offer.c $(NATIVE)/shim/offer.h $(HEADERS) | $(OUT)/asan
	$(ASAN_CC) $(ASAN_FLAGS) -I$(NATIVE)/shim -I$(FUZZ) -o $@.tmp$$$$ $(NATIVE)/shim/fuzz/fuzz.c $(NATIVE)/shim/offer.c && mv $@.tmp$$$$ $@

$(OUT)/asan/fuzz-offer6: $(NATIVE)/shim/fuzz/fuzz6.c $(FUZZ)/random.h $(NATIVE)/shim/offer6.c $(NATIVE)/shim/offer6.h $(HEADERS) | $(OUT)/asan
	$(ASAN_CC) $(ASAN_FLAGS) -I$(NATIVE)/shim -I$(FUZZ) -o $@.tmp$$$$ $(NATIVE)/shim/fuzz/fuzz6.c $(NATIVE)/shim/offer6.c && mv $@.tmp$$$$ $@
