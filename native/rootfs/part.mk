ROOTFS := $(NATIVE)/rootfs
# What serves operations on an open root; the agent links these in.
ROOTFS_LIBRARY := $(addprefix $(ROOTFS)/,serve.c wire.c resolve.c attributes.c file.c make.c whiteout.c look.c tree.c names.c pack.c copy.c)
ROOTFS_SOURCES := $(ROOTFS_LIBRARY) $(addprefix $(ROOTFS)/,enter.c confine.c processes.c main.c)
ROOTFS_HEADERS := $(wildcard $(ROOTFS)/*.h)

PROGRAMS += $(OUT)/duet-rootfs
ASAN_PROGRAMS += $(OUT)/asan/duet-rootfs $(OUT)/asan/rootfs-fuzz

$(OUT)/duet-rootfs: $(ROOTFS_SOURCES) $(ROOTFS_HEADERS) $(ROOTFS)/part.mk | $(OUT)
	$(MUSL_CC) $(MUSL_FLAGS) -I$(ROOTFS) -o $@.tmp $(ROOTFS_SOURCES) && mv $@.tmp $@

# Without the seccomp filter, which the sanitizers' own calls do not fit.
$(OUT)/asan/duet-rootfs: $(ROOTFS_SOURCES) $(ROOTFS_HEADERS) $(ROOTFS)/part.mk | $(OUT)/asan
	$(ASAN_CC) $(ASAN_FLAGS) -DDUET_NO_FILTER -I$(ROOTFS) -o $@.tmp $(ROOTFS_SOURCES) && mv $@.tmp $@

$(OUT)/asan/rootfs-fuzz: $(ROOTFS_LIBRARY) $(ROOTFS)/fuzz/fuzz.c $(FUZZ)/random.h $(ROOTFS_HEADERS) $(ROOTFS)/part.mk | $(OUT)/asan
	$(ASAN_CC) $(ASAN_FLAGS) -I$(ROOTFS) -I$(FUZZ) -o $@.tmp $(ROOTFS_LIBRARY) $(ROOTFS)/fuzz/fuzz.c && mv $@.tmp $@
