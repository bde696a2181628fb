# duet-boot: PID 1 of a disk that an image was converted to. Looks users and paths up as the agent does.
BOOT := $(NATIVE)/boot
BOOT_SOURCES := $(wildcard $(BOOT)/*.c)
BOOT_BORROWED := $(NATIVE)/agent/user.c $(NATIVE)/agent/resolve.c
BOOT_HEADERS := $(wildcard $(BOOT)/*.h) $(NATIVE)/agent/agent.h

PROGRAMS += $(OUT)/duet-boot
ASAN_PROGRAMS += $(OUT)/asan/duet-boot $(OUT)/asan/fuzz-lease $(OUT)/asan/fuzz-lease6

$(OUT)/duet-boot: $(BOOT_SOURCES) $(BOOT_BORROWED) $(BOOT_HEADERS) $(HEADERS) $(SHARED) $(NETSETUP) $(PROGRAM) | $(OUT)
	$(MUSL_CC) $(MUSL_FLAGS) -I$(NATIVE)/agent -o $@.tmp$$$$ $(BOOT_SOURCES) $(BOOT_BORROWED) $(SHARED) $(NETSETUP) $(PROGRAM) && mv $@.tmp$$$$ $@

$(OUT)/asan/duet-boot: $(BOOT_SOURCES) $(BOOT_BORROWED) $(BOOT_HEADERS) $(HEADERS) $(SHARED) $(NETSETUP) $(PROGRAM) | $(OUT)/asan
	$(ASAN_CC) $(ASAN_FLAGS) -I$(NATIVE)/agent -o $@.tmp$$$$ $(BOOT_SOURCES) $(BOOT_BORROWED) $(SHARED) $(NETSETUP) $(PROGRAM) && mv $@.tmp$$$$ $@

$(OUT)/asan/fuzz-lease: $(BOOT)/fuzz/fuzz.c $(FUZZ)/random.h $(BOOT)/lease.c $(BOOT)/lease.h $(HEADERS) | $(OUT)/asan
	$(ASAN_CC) $(ASAN_FLAGS) -I$(BOOT) -I$(FUZZ) -o $@.tmp$$$$ $(BOOT)/fuzz/fuzz.c $(BOOT)/lease.c && mv $@.tmp$$$$ $@

$(OUT)/asan/fuzz-lease6: $(BOOT)/fuzz/fuzz6.c $(FUZZ)/random.h $(BOOT)/lease6.c $(BOOT)/lease6.h $(HEADERS) | $(OUT)/asan
	$(ASAN_CC) $(ASAN_FLAGS) -I$(BOOT) -I$(FUZZ) -o $@.tmp$$$$ $(BOOT)/fuzz/fuzz6.c $(BOOT)/lease6.c && mv $@.tmp$$$$ $@
