# duet-agent: PID 1 of a VM made from an image. Reads ROOTFS_LIBRARY, which native/rootfs/part.mk sets, at run time.
AGENT := $(NATIVE)/agent
AGENT_SOURCES := $(wildcard $(AGENT)/*.c)
AGENT_HEADERS := $(wildcard $(AGENT)/*.h)

PROGRAMS += $(OUT)/duet-agent
ASAN_PROGRAMS += $(OUT)/asan/duet-agent

.SECONDEXPANSION:
$(OUT)/duet-agent: $(AGENT_SOURCES) $(AGENT_HEADERS) $(HEADERS) $(SHARED) $(NETSETUP) $(PROGRAM) $(TUNNEL) $$(ROOTFS_LIBRARY) | $(OUT)
	$(MUSL_CC) $(MUSL_FLAGS) -I$(NATIVE)/rootfs -o $@.tmp$$$$ $(AGENT_SOURCES) $(SHARED) $(NETSETUP) $(PROGRAM) $(TUNNEL) $(ROOTFS_LIBRARY) && mv $@.tmp$$$$ $@

$(OUT)/asan/duet-agent: $(AGENT_SOURCES) $(AGENT_HEADERS) $(HEADERS) $(SHARED) $(NETSETUP) $(PROGRAM) $(TUNNEL) $$(ROOTFS_LIBRARY) | $(OUT)/asan
	$(ASAN_CC) $(ASAN_FLAGS) -I$(NATIVE)/rootfs -o $@.tmp$$$$ $(AGENT_SOURCES) $(SHARED) $(NETSETUP) $(PROGRAM) $(TUNNEL) $(ROOTFS_LIBRARY) && mv $@.tmp$$$$ $@
