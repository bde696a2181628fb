ASAN_PROGRAMS += $(OUT)/asan/fuzz-frames

$(OUT)/asan/fuzz-frames: $(NATIVE)/shared/fuzz/fuzz.c $(SHARED) $(HEADERS) | $(OUT)/asan
	$(ASAN_CC) $(ASAN_FLAGS) -Wno-missing-prototypes -o $@.tmp$$$$ $(NATIVE)/shared/fuzz/fuzz.c $(SHARED) && mv $@.tmp$$$$ $@
